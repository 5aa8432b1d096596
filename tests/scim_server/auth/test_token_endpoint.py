"""OAuth 2.0 client credentials: who gets an access token, what it is good for, and when it ends."""

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.auth.authenticator import Authenticator
from scim_server.auth.token_grants import OAuthError, TokenRequest
from scim_server.config import Access, OAuthClient, Tenant, pair_digest
from tests.scim_server.auth.authenticators import TOKEN_KEY, ask, authenticator, tenant
from tests.support.examples import few
from tests.support.issuer import FromNow, Key, claims_of, jwks

SECRET = "s+ecret %41 of pingone 0123456789"
ENDPOINT = "https://scim.example/acme/ping/oauth/token"
ISSUER = "https://scim.example/acme/ping"
USER = "ann@acme.com"
KEY = Key.new("k1", "ES256")
FORGER = Key.new("k1", "ES256")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def configured(
    *, secret: str = SECRET, access: Access = Access.PROVISION, key: Key = KEY, others: tuple[Tenant, ...] = ()
) -> Authenticator:
    clients = (
        OAuthClient(name="by-secret", client_id="ping one", access=access, user_name=USER),
        OAuthClient(name="by-key", user_name=USER, client_id="signer", access=access, jwks=jwks(key)),
    )
    beta = tenant("beta/ping", oauth_clients=(OAuthClient(name="by-secret", client_id="ping one"),))
    digests = {
        "acme/ping/by-secret": pair_digest(b"ping one", secret.encode(), TOKEN_KEY),
        "beta/ping/by-secret": pair_digest(b"ping one", b"the secret of beta 0123456789", TOKEN_KEY),
    }
    return authenticator(tenant("acme/ping", oauth_clients=clients), beta, *others, digests=digests)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


async def grant(
    who: Authenticator,
    form: dict[str, str] | None = None,
    authorization: str | None = None,
    key: str = "acme/ping",
) -> dict[str, Any]:
    namespace, _, name = key.partition("/")
    request = TokenRequest(
        namespace,
        name,
        authorization.encode() if authorization is not None else None,
        {"grant_type": "client_credentials"} | (form or {}),
        (ENDPOINT, ISSUER),
    )
    return dict((await who.grant(request, datetime.now(UTC))).body)


async def token(who: Authenticator, **changes: Any) -> str:
    return str((await grant(who, authorization=basic("ping one", SECRET), **changes))["access_token"])


def by_assertion(key: Key = KEY, header: dict[str, Any] | None = None, **claims: Any) -> dict[str, str]:
    good: dict[str, Any] = {"sub": "signer", "jti": str(time.monotonic_ns()), "iss": "signer", "aud": ENDPOINT}
    written = claims_of("", "", **(good | claims))
    return {"client_assertion": key.sign(written, **(header or {})), "client_assertion_type": JWT_BEARER}


async def refused(who: Authenticator, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(OAuthError) as error:
        await grant(who, *args, **kwargs)
    return error.value.code


@pytest.mark.parametrize(
    ("form", "authorization"),
    [
        ({}, basic("ping one", SECRET)),
        ({}, basic(quote_plus("ping one"), quote_plus(SECRET))),
        ({"client_id": "ping one"}, basic("ping one", SECRET)),
        ({"client_id": "ping one", "client_secret": SECRET}, None),
    ],
    ids=["basic as it is", "basic as RFC 6749 encodes it", "basic with client_id", "post"],
)
async def test_a_secret_gets_a_token_that_authenticates(form: dict[str, str], authorization: str | None) -> None:
    who = configured()
    body = await grant(who, form, authorization)
    assert {name: body[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "scim.provision",
    }
    found = await ask(who, "acme/ping", f"Bearer {body['access_token']}")
    assert found is not None
    assert (found.tenant_key, found.credential, found.access) == ("acme/ping", "by-secret", Access.PROVISION)


@pytest.mark.parametrize(
    ("form", "authorization", "key"),
    [
        ({}, None, "acme/ping"),
        ({}, "", "acme/ping"),
        ({}, "Bearer x", "acme/ping"),
        ({}, basic("ping one", SECRET + "x"), "acme/ping"),
        ({}, basic("ping one", ""), "acme/ping"),
        ({}, basic("signer", SECRET), "acme/ping"),
        ({}, basic("ping one", "the secret of beta 0123456789"), "acme/ping"),
        ({"client_id": "another"}, basic("ping one", SECRET), "acme/ping"),
        ({}, basic("ping one", SECRET), "beta/ping"),
        ({}, basic("ping one", SECRET), "acme/unknown"),
        ({"client_id": "ping one"}, None, "acme/ping"),
        ({"client_secret": SECRET}, None, "acme/ping"),
    ],
)
async def test_a_wrong_secret_gets_one_answer_whatever_is_wrong(
    form: dict[str, str], authorization: str | None, key: str
) -> None:
    with pytest.raises(OAuthError) as error:
        await grant(configured(), form, authorization, key)
    assert (error.value.code, error.value.status, error.value.description) == (
        "invalid_client",
        401,
        "The client could not be authenticated for this tenant.",
    )


async def test_an_assertion_gets_a_token() -> None:
    who = configured()
    for audience in (ENDPOINT, ISSUER, [ENDPOINT]):
        body = await grant(who, by_assertion(aud=audience))
        found = await ask(who, "acme/ping", f"Bearer {body['access_token']}")
        assert found is not None
        assert found.credential == "by-key"
    typed = by_assertion(header={"typ": "client-authentication+jwt"}) | {"client_id": "signer"}
    assert await grant(who, typed)


@pytest.mark.parametrize(
    ("claims", "more"),
    [
        ({"iss": "another"}, {}),
        ({"sub": "another"}, {}),
        ({"iss": "ping one", "sub": "ping one"}, {}),
        ({"iss": None}, {}),
        ({"sub": None}, {}),
        ({"aud": "https://scim.example/beta/ping/oauth/token"}, {}),
        ({"aud": None}, {}),
        ({"exp": None}, {}),
        ({"exp": FromNow(-600)}, {}),
        ({"exp": FromNow(86_400)}, {}),
        ({"nbf": FromNow(600)}, {}),
        ({"jti": None}, {}),
        ({"jti": ""}, {}),
        ({"jti": 7}, {}),
        ({"jti": "j" * 2000}, {}),
        ({"key": FORGER}, {}),
        ({"header": {"alg": "none"}}, {}),
        ({"header": {"alg": "HS256"}}, {}),
        ({"header": {"crit": ["x"]}}, {}),
        ({"header": {"typ": "at+jwt"}}, {}),
        ({"header": {"kid": "k2"}}, {}),
        ({}, {"client_assertion": "x.y.z"}),
        ({}, {"client_assertion": ""}),
        ({}, {"client_id": "ping one"}),
    ],
    ids=str,
)
async def test_assertions_that_are_not_taken(claims: dict[str, Any], more: dict[str, str]) -> None:
    assert await refused(configured(), by_assertion(**claims) | more) == "invalid_client"


async def test_an_assertion_counts_once_and_for_one_tenant() -> None:
    client = OAuthClient(name="by-key", client_id="signer", jwks=jwks(KEY))
    who = configured(others=(tenant("gamma/ping", oauth_clients=(client,)),))
    form = by_assertion()
    assert await grant(who, form)
    assert await refused(who, form) == "invalid_client"
    resigned = by_assertion(jti="same")
    assert await grant(who, resigned)
    assert await refused(who, by_assertion(jti="same", exp=FromNow(900))) == "invalid_client"
    assert await grant(who, by_assertion(jti="same"), key="gamma/ping"), "another client's jti is another"


async def test_requests_that_are_not_understood() -> None:
    who = configured()
    good = basic("ping one", SECRET)
    assert await refused(who, {"grant_type": "authorization_code"}, good) == "unsupported_grant_type"
    assert await refused(who, {"grant_type": "password"}, None, "acme/unknown") == "unsupported_grant_type"
    assert await refused(who, {"client_secret": SECRET, "client_id": "ping one"}, good) == "invalid_request"
    assert await refused(who, by_assertion(), good) == "invalid_request"
    untyped = {"client_assertion": by_assertion()["client_assertion"]}
    assert await refused(who, untyped) == "invalid_request"


@pytest.mark.parametrize(
    ("access", "scope", "granted"),
    [
        (Access.PROVISION, None, "scim.provision"),
        (Access.PROVISION, "openid anything", "scim.provision"),
        (Access.PROVISION, "scim.read", "scim.read"),
        (Access.PROVISION, "scim.read scim.provision", "scim.provision"),
        (Access.READ, None, "scim.read"),
        (Access.READ, "scim.provision", "scim.read"),
        (Access.PROVISION, "scim.self", "scim.self"),
        (Access.PROVISION, "scim.self scim.read", "scim.read"),
        (Access.READ, "scim.self", "scim.self"),
        (Access.SELF, None, "scim.self"),
        (Access.SELF, "scim.read", "scim.self"),
        (Access.SELF, "scim.provision scim.read", "scim.self"),
    ],
)
async def test_a_token_does_at_most_what_its_client_may(access: Access, scope: str | None, granted: str) -> None:
    who = configured(access=access)
    body = await grant(who, {"scope": scope} if scope is not None else {}, basic("ping one", SECRET))
    assert body["scope"] == granted
    found = await ask(who, "acme/ping", f"Bearer {body['access_token']}")
    assert found is not None
    assert (f"scim.{found.access.lower()}", found.user_name) == (granted, USER)


async def test_a_token_ends_after_an_hour() -> None:
    who = configured()
    issued = await token(who)
    assert await ask(who, "acme/ping", f"Bearer {issued}", datetime.now(UTC) + timedelta(minutes=59))
    assert not await ask(who, "acme/ping", f"Bearer {issued}", datetime.now(UTC) + timedelta(minutes=61))


async def test_every_replica_takes_a_token_and_other_tenants_do_not() -> None:
    issued = await token(configured())
    assert await ask(configured(), "acme/ping", f"Bearer {issued}")
    for other in ("beta/ping", "acme/unknown"):
        assert not await ask(configured(), other, f"Bearer {issued}")


async def test_a_rotated_secret_or_key_ends_the_tokens_got_with_it() -> None:
    by_secret = await token(configured())
    by_key = (await grant(configured(), by_assertion()))["access_token"]
    new_secret = configured(secret="another secret 0123456789")
    new_key = configured(key=Key.new("k2", "ES256"))
    assert not await ask(new_secret, "acme/ping", f"Bearer {by_secret}")
    assert await ask(new_secret, "acme/ping", f"Bearer {by_key}")
    assert not await ask(new_key, "acme/ping", f"Bearer {by_key}")
    assert await ask(new_key, "acme/ping", f"Bearer {by_secret}")


async def test_a_removed_client_ends_its_tokens_and_a_restricted_one_restricts_them() -> None:
    issued = await token(configured())
    assert not await ask(authenticator(tenant("acme/ping")), "acme/ping", f"Bearer {issued}")
    for access in (Access.READ, Access.SELF):
        found = await ask(configured(access=access), "acme/ping", f"Bearer {issued}")
        assert found is not None
        assert found.access == access


@settings(max_examples=few(200))
@given(st.data())
async def test_a_changed_token_is_worth_nothing(data: st.DataObject) -> None:
    who = configured()
    issued = await token(who)
    position = data.draw(st.integers(0, len(issued) - 3))  # the last character has bits that stand for nothing
    character = data.draw(st.sampled_from("ABCxyz019_."))
    changed = issued[:position] + character + issued[position + 1 :]
    assert bool(await ask(who, "acme/ping", f"Bearer {changed}")) == (changed == issued)


@given(st.binary(max_size=60))
async def test_any_bytes_after_the_prefix_are_refused(rest: bytes) -> None:
    assert not await ask(configured(), "acme/ping", b"Bearer scim_" + rest)
