"""Public keys, as they stand in a JSON Web Key Set (RFC 7517, RFC 7518 §6, RFC 8037 §2).

Only keys that verify signatures, and only their public members: a document with private or symmetric keys is
refused, so that nothing secret gets into a configuration that isn't.
"""

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import StringConstraints, ValidationError, model_validator

from scim_server.config.contract import Contract

LARGEST_KEY_SET = 64
"""Keys in one set. Issuers publish two to ten."""

_SMALLEST_RSA_MODULUS_BITS = 2048
_LARGEST_RSA_MODULUS_BITS = 8192
"""Verification with a larger one takes so long that it could be used to keep a server busy."""
_LARGEST_RSA_EXPONENT_BITS = 64
_COORDINATE_BYTES = {"P-256": 32, "P-384": 48, "Ed25519": 32}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=2048)]


class SigningAlgorithm(StrEnum):
    """Signatures that are accepted (RFC 7518 §3.1, RFC 8037 §3.1): asymmetric ones, so that no verifier can sign."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    ES256 = "ES256"
    ES384 = "ES384"
    EDDSA = "EdDSA"


class PublicJwk(Contract):
    """One public key. RSA has `n` and `e`; EC (P-256, P-384) `x` and `y`; OKP (Ed25519) `x`."""

    kty: Literal["RSA", "EC", "OKP"]
    kid: Annotated[str, StringConstraints(max_length=512)] | None = None
    alg: Annotated[str, StringConstraints(max_length=32)] | None = None
    crv: Literal["P-256", "P-384", "Ed25519"] | None = None
    n: _Base64Url | None = None
    e: _Base64Url | None = None
    x: _Base64Url | None = None
    y: _Base64Url | None = None

    @property
    def algorithms(self) -> frozenset[SigningAlgorithm]:
        """What the key can verify. Its own `alg`, where it names one, is the only one."""
        possible = _ALGORITHMS[self.kty, self.crv]
        return possible if self.alg is None else frozenset(name for name in possible if name == self.alg)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kty, self.crv) not in _ALGORITHMS:
            raise ValueError(f"kty {self.kty} with crv {self.crv} is not supported")
        members = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}[self.kty]
        for member in ("n", "e", "x", "y"):
            if (getattr(self, member) is not None) != (member in members):
                raise ValueError(f"a key of kty {self.kty} has {' and '.join(members)}")
        if self.kty == "RSA":
            bits = int.from_bytes(_decode(self.n)).bit_length()
            if not _SMALLEST_RSA_MODULUS_BITS <= bits <= _LARGEST_RSA_MODULUS_BITS:
                raise ValueError(
                    f"n has {bits} bits; {_SMALLEST_RSA_MODULUS_BITS} to {_LARGEST_RSA_MODULUS_BITS} are expected"
                )
            exponent = int.from_bytes(_decode(self.e))
            if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > _LARGEST_RSA_EXPONENT_BITS:
                raise ValueError("e is expected to be an odd number from 3 to 64 bits")
        elif self.crv is not None:
            for member in members:
                if len(_decode(getattr(self, member))) != _COORDINATE_BYTES[self.crv]:
                    raise ValueError(f"{member} of {self.crv} has {_COORDINATE_BYTES[self.crv]} bytes")
        return self


_ALGORITHMS: dict[tuple[str, str | None], frozenset[SigningAlgorithm]] = {
    ("RSA", None): frozenset(
        {SigningAlgorithm.RS256, SigningAlgorithm.RS384, SigningAlgorithm.RS512, SigningAlgorithm.PS256}
    ),
    ("EC", "P-256"): frozenset({SigningAlgorithm.ES256}),
    ("EC", "P-384"): frozenset({SigningAlgorithm.ES384}),
    ("OKP", "Ed25519"): frozenset({SigningAlgorithm.EDDSA}),
}


def parse_key_set(body: bytes) -> tuple[PublicJwk, ...]:
    """The keys of a JSON Web Key Set with which signatures can be verified; there is at least one.

    Keys for encryption and of kinds that are not supported are left out (RFC 7517 §5). Raises ValueError, which
    says what was expected and repeats nothing of the document.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ValueError("a JSON Web Key Set is expected, which is a JSON object") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError('a JSON Web Key Set is expected: an object with a list "keys"')
    if len(entries) > LARGEST_KEY_SET:
        raise ValueError(f"{len(entries)} keys are too many; at most {LARGEST_KEY_SET} are expected")
    keys: list[PublicJwk] = []
    reason = "the set is empty"
    for index, entry in enumerate(entries):
        try:
            keys.append(_public_key(entry))
        except ValueError as error:
            reason = f"keys[{index}]: {error}"
    if not keys:
        raise ValueError(f"no key can verify a signature: {reason}")
    return tuple(keys)


def private_members(body: bytes) -> bool:
    """Whether a JSON Web Key Set holds private or symmetric keys. False for anything that isn't one."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    entries = document.get("keys") if isinstance(document, dict) else None
    return isinstance(entries, list) and any(
        isinstance(entry, dict) and not _PRIVATE_MEMBERS.isdisjoint(entry) for entry in entries
    )


def _public_key(entry: Any) -> PublicJwk:
    if not isinstance(entry, dict):
        raise ValueError("an object is expected")
    if entry.get("use", "sig") != "sig":
        raise ValueError("use is not sig")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("key_ops has no verify")
    try:
        key = PublicJwk.model_validate({name: entry[name] for name in PublicJwk.model_fields if name in entry})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise ValueError(".".join(str(part) for part in (*first["loc"], first["msg"]))) from None
    if not key.algorithms:
        raise ValueError("alg is not one of " + ", ".join(SigningAlgorithm))
    return key


def _decode(text: str | None) -> bytes:
    assert text is not None  # noqa: S101 - checked before
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("base64url is expected") from None
