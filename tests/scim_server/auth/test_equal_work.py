"""Signatures are verified as often for issuers, clients and tenants that are unknown as for known ones.

What is counted here is what time would tell: verifying takes nearly all of the time that a refused token takes.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest

from scim_server.auth import signed_jwt
from scim_server.auth.authenticator import Authenticator
from scim_server.auth.token_grants import InvalidClient, TokenRequest
from scim_server.config import JwtIssuer, OAuthClient
from tests.scim_server.auth.authenticators import ask, authenticator, tenant
from tests.support.issuer import Key, claims_of, jwks

ISSUER, SHARED, TWICE = "https://one.example/", "https://shared.example/", "https://twice.example/"
KEY, OTHER, STRANGER = Key.new("key"), Key.new("other"), Key.new("stranger")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def issuer(name: str, of: str, *keys: Key, **changes: Any) -> JwtIssuer:
    return JwtIssuer(name=name, issuer=of, audiences=(name,), jwks=jwks(*keys), **changes)


@pytest.fixture
def who() -> Authenticator:
    signer = OAuthClient(name="signer", client_id="signer", jwks=jwks(KEY, OTHER))
    return authenticator(
        tenant("acme/one", jwt_issuers=(issuer("one", ISSUER, KEY, OTHER),), oauth_clients=(signer,)),
        tenant("acme/shared", jwt_issuers=(issuer("a", SHARED, KEY), issuer("b", SHARED, KEY))),
        tenant("acme/twice", jwt_issuers=(issuer("a", TWICE, KEY), issuer("b", TWICE, OTHER))),
        tenant("acme/none"),
    )


async def verifications(work: Callable[[], Awaitable[object]]) -> int:
    with patch.object(signed_jwt, "verifies", wraps=signed_jwt.verifies) as counted:
        await work()
    return counted.call_count


TENANTS = ("acme/one", "acme/shared", "acme/twice", "acme/none", "no/body")


@pytest.mark.parametrize("kid", ["key", "other", "made-up", None])
async def test_of_issuers_and_tenants(who: Authenticator, kid: str | None) -> None:
    counts = set()
    for name in (ISSUER, SHARED, TWICE, "https://unknown.example/"):
        token = STRANGER.sign(claims_of(name, "one"), kid=kid)
        for key in TENANTS:

            async def refused(key: str = key, token: str = token) -> None:
                assert await ask(who, key, f"Bearer {token}") is None

            counts.add(await verifications(refused))
    assert len(counts) == 1, counts


@pytest.mark.parametrize("kid", ["key", "made-up", None])
async def test_of_clients_that_sign(who: Authenticator, kid: str | None) -> None:
    counts = set()
    for client_id in ("signer", "unknown"):
        claims = claims_of(client_id, "https://scim.example", sub=client_id, jti="1")
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": STRANGER.sign(claims, kid=kid),
        }
        for key in TENANTS:
            namespace, _, name = key.partition("/")
            request = TokenRequest(namespace, name, None, form, ("https://scim.example",))

            async def refused(request: TokenRequest = request) -> None:
                with pytest.raises(InvalidClient):
                    await who.grant(request, datetime.now(UTC))

            counts.add(await verifications(refused))
    assert len(counts) == 1, counts


async def test_no_more_than_one_where_each_issuer_has_one_set_of_keys() -> None:
    who = authenticator(tenant("acme/shared", jwt_issuers=(issuer("a", SHARED, KEY), issuer("b", SHARED, KEY))))

    async def accepted() -> None:
        assert await ask(who, "acme/shared", "Bearer " + KEY.sign(claims_of(SHARED, "b"))) is not None

    assert await verifications(accepted) == 1
