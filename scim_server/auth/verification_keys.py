"""Public keys made ready to verify signatures."""

import secrets
from collections.abc import Iterable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from jwt.exceptions import PyJWTError
from jwt.utils import base64url_encode

from scim_server.config import PublicJwk, SigningAlgorithm

MOST_TRIED = 4
"""Keys tried for a token that names none: each costs a verification."""


class VerificationKeys:
    """A key set. A key that is not on its curve, say, is left out: the others of the set are still good."""

    def __init__(self, keys: Iterable[PublicJwk] = ()) -> None:
        self._ready: dict[SigningAlgorithm, list[tuple[str | None, PyJWK]]] = {}
        for key in keys:
            members = key.model_dump(mode="json", exclude_none=True)
            for algorithm in key.algorithms:
                try:
                    ready = PyJWK(members, algorithm.value)
                except PyJWTError:
                    continue
                self._ready.setdefault(algorithm, []).append((key.kid, ready))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._ready)

    def find(self, algorithm: SigningAlgorithm, kid: str | None) -> list[PyJWK]:
        """The keys that may have signed a token of `algorithm` and `kid`; without a kid the first few that could."""
        fitting = self._ready.get(algorithm, [])
        if kid is None:
            return [key for _, key in fitting[:MOST_TRIED]]
        return [key for name, key in fitting if name == kid][:MOST_TRIED]


@cache
def decoy_keys() -> VerificationKeys:
    """Keys without a known private half, at least one for each algorithm; made once in a process.

    Verifying with them takes as long as with real keys, so that time doesn't tell which issuers and clients exist.
    """
    # A random number: verification doesn't need a modulus whose factors are known.
    modulus = (secrets.randbits(2048) | 1 << 2047 | 1).to_bytes(256)
    decoys: list[dict[str, Any]] = [
        {"kty": "RSA", "n": base64url_encode(modulus).decode(), "e": "AQAB"},
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True),
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True),
        OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True),
    ]
    members = PublicJwk.model_fields
    return VerificationKeys(
        PublicJwk.model_validate({name: value for name, value in decoy.items() if name in members})
        for decoy in decoys
    )
