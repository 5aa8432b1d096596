"""Client authentication by a signed assertion, `private_key_jwt` (RFC 7523 §2.2 and §3)."""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime

from scim_server.auth.replay import ReplayGuard
from scim_server.auth.signed_jwt import LEEWAY_SECONDS, UnverifiedJwt, names_audience, read_jwt, wrong_time
from scim_server.auth.verifier import Signature, Verifier
from scim_server.config import OAuthClient

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFETIME_SECONDS = 3600
"""How far ahead `exp` may be: what libraries use at most, and how long a used `jti` is remembered."""

_TYPES = frozenset({"jwt", "client-authentication+jwt"})
_LONGEST_JTI = 1024


def read_assertion(assertion: bytes) -> UnverifiedJwt | None:
    """The assertion, when its form is right and it names one client as both issuer and subject."""
    jwt = read_jwt(assertion, _TYPES)
    if jwt is None or jwt.text("iss") is None or jwt.text("iss") != jwt.text("sub"):
        return None
    return jwt


async def refusal(
    jwt: UnverifiedJwt,
    client: OAuthClient,
    verifier: Verifier,
    tenant_key: str,
    audiences: Collection[str],
    replay: ReplayGuard,
    now: datetime,
) -> str | None:
    """The first rule that the assertion breaks; None where it proves `client`. `verifier` has the client's keys.

    An assertion proves the client once: its `jti` is remembered. `Signature.KEYS_UNAVAILABLE` is returned only where
    no other rule is broken.
    """
    signature = await verifier.check(jwt)
    if signature in (Signature.WRONG, Signature.NO_KEY):
        return signature
    jti = jwt.text("jti")
    if jti is None or len(jti) > _LONGEST_JTI:
        return f"jti is missing or longer than {_LONGEST_JTI} characters"
    if not names_audience(jwt.claims, audiences):
        return "aud is neither the token endpoint nor the issuer"
    if wrong := wrong_time(jwt.claims, now, LONGEST_LIFETIME_SECONDS):
        return wrong
    if signature is Signature.KEYS_UNAVAILABLE:
        return signature
    used = hashlib.sha256(f"{client.client_id}\0{jti}".encode()).digest()
    expires = datetime.fromtimestamp(jwt.claims["exp"] + LEEWAY_SECONDS, UTC)
    return None if await replay.use_assertion(tenant_key, used, expires) else "it was used before"
