"""Client authentication by a signed assertion, `private_key_jwt` (RFC 7523 §2.2 and §3)."""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime

from scim_server.auth.replay import ReplayGuard
from scim_server.auth.signed_jwt import LEEWAY_SECONDS, UnverifiedJwt, names_audience, read_jwt, wrong_time
from scim_server.auth.signer import Signer
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


async def proves(
    jwt: UnverifiedJwt,
    client: OAuthClient,
    signer: Signer,
    tenant_key: str,
    audiences: Collection[str],
    replay: ReplayGuard,
    now: datetime,
) -> bool:
    """Whether the assertion proves `client`, whose keys are `signer`'s: once for each `jti`."""
    signed = await signer.signed(jwt)
    jti = jwt.text("jti")
    if (
        not signed
        or jti is None
        or len(jti) > _LONGEST_JTI
        or jwt.text("sub") != client.client_id
        or not names_audience(jwt.claims, audiences)
        or wrong_time(jwt.claims, now, LONGEST_LIFETIME_SECONDS) is not None
    ):
        return False
    used = hashlib.sha256(f"{client.client_id}\0{jti}".encode()).digest()
    expires = datetime.fromtimestamp(jwt.claims["exp"] + LEEWAY_SECONDS, UTC)
    return await replay.use_assertion(tenant_key, used, expires)
