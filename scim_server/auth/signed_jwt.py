"""Signed JSON Web Tokens (RFC 7519 in the compact form of RFC 7515), with the cautions of RFC 8725.

The algorithm comes from what the configuration pins, never from the token alone; `crit` is refused, since nothing
critical is understood; keys in the token's own header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from jwt import PyJWK

from scim_server.auth import base64url
from scim_server.config import SigningAlgorithm

LEEWAY_SECONDS = 60
"""How far the clocks of an issuer and of this server may be apart."""

_LONGEST_TOKEN = 16 << 10
_LONGEST_KID = 512


@dataclass(frozen=True, slots=True)
class UnverifiedJwt:
    """What a token says. Nothing of it is proven."""

    signed: bytes = field(repr=False)
    """Header and claims, as they were encoded."""
    signature: bytes = field(repr=False)
    algorithm: SigningAlgorithm
    kid: str | None
    claims: Mapping[str, Any] = field(repr=False)

    def text(self, claim: str) -> str | None:
        """The claim, when it is a string that isn't empty."""
        value = self.claims.get(claim)
        return value if isinstance(value, str) and value else None


def read_jwt(token: bytes, types: Collection[str]) -> UnverifiedJwt | None:
    """The token's content. None where its form alone shows that no issuer and no client can be trusted for it.

    `types`: lower-case values that the header `typ` may have, without `application/`. It may also be missing.
    """
    if len(token) > _LONGEST_TOKEN or token.count(b".") != 2:
        return None
    signed, _, signature_part = token.rpartition(b".")
    header_part, _, claims_part = signed.partition(b".")
    header, claims, signature = _json_object(header_part), _json_object(claims_part), base64url.decode(signature_part)
    if header is None or claims is None or signature is None:
        return None
    if "crit" in header or "b64" in header:
        return None
    typ = header.get("typ")
    if typ is not None and (not isinstance(typ, str) or typ.lower().removeprefix("application/") not in types):
        return None
    kid = header.get("kid")
    if kid is not None and (not isinstance(kid, str) or len(kid) > _LONGEST_KID):
        return None
    algorithm = header.get("alg")
    # Only text is looked up: the error about anything else would show it, and deep nesting can't be shown.
    if not isinstance(algorithm, str) or algorithm not in list(SigningAlgorithm):
        return None
    return UnverifiedJwt(signed, signature, SigningAlgorithm(algorithm), kid, claims)


def verifies(key: PyJWK, jwt: UnverifiedJwt) -> bool:
    """Whether the signature is by `key`, which has to be one for the token's algorithm."""
    try:
        return key.Algorithm.verify(jwt.signed, key.key, jwt.signature)
    except (ValueError, TypeError):
        return False


def wrong_time(claims: Mapping[str, Any], now: datetime, longest_seconds: float = math.inf) -> str | None:
    """Which of `exp`, which is required, `nbf` and `iat` (RFC 7519 §4.1) doesn't permit the token now, and why.

    Within `LEEWAY_SECONDS`. `longest_seconds`: how far ahead `exp` may be. None: all of them permit it.
    """
    moment = now.timestamp()
    expires = _numeric_date(claims.get("exp"))
    if expires is None:
        return "exp is missing or no number"
    if expires <= moment - LEEWAY_SECONDS:
        return "exp is past"
    if expires > moment + longest_seconds + LEEWAY_SECONDS:
        return "exp is too far ahead"
    for claim in ("nbf", "iat"):
        if claim in claims:
            begins = _numeric_date(claims[claim])
            if begins is None:
                return f"{claim} is no number"
            if begins > moment + LEEWAY_SECONDS:
                return f"{claim} is in the future"
    return None


def names_audience(claims: Mapping[str, Any], accepted: Collection[str]) -> bool:
    """Whether `aud`, a string or a list of strings (RFC 7519 §4.1.3), holds one of `accepted`."""
    audience = claims.get("aud")
    values = audience if isinstance(audience, list) else [audience]
    return any(isinstance(value, str) and value in accepted for value in values)


def has_value(claims: Mapping[str, Any], claim: str, expected: str) -> bool:
    """Whether a claim is exactly that text, or a list that holds it."""
    value = claims.get(claim)
    return value == expected if isinstance(value, str) else isinstance(value, list) and expected in value


def _numeric_date(value: object) -> float | None:
    """RFC 7519 §2: seconds since 1970; neither text nor, as Python would have it, a boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _json_object(part: bytes) -> dict[str, Any] | None:
    try:
        parsed = orjson.loads(base64url.decode(part) or b"")
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None
