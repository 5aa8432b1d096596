"""Passwords, tokens of a JWT issuer and OAuth clients, over HTTP, with real keys and a real key server."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import (
    MAXIMUM_TOKEN_BYTES,
    Access,
    BasicCredential,
    BearerCredential,
    JwtIssuer,
    OAuthClient,
    pair_digest,
    token_digest,
)
from scim_server.http.protection import RequestLimits
from scim_server.limits.token_bucket import Rate
from tests.scim_server.auth.authenticators import tenant
from tests.scim_server.http.running import TOKEN_KEY, bundle_of_tenants, client, running
from tests.support.issuer import Key, KeyServer, claims_of, key_server
from tests.support.serving import ERROR

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

BASE = "/acme/entra/scim/v2"
ISSUER = "https://sts.windows.net/0f0f/"
PASSWORD = "password-of-twenty-bytes"
OTHER_TOKEN = "token-of-twenty-bytes2"
SECRET = "client-secret-of-twenty-bytes"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FIRST, SECOND, CLIENT_KEY = Key.new("first"), Key.new("second"), Key.new("client", "ES256")


@pytest.fixture
async def keys() -> AsyncIterator[KeyServer]:
    async with key_server(FIRST) as keys:
        yield keys


@pytest.fixture
async def client_keys() -> AsyncIterator[KeyServer]:
    async with key_server(CLIENT_KEY) as keys:
        yield keys


@pytest.fixture
async def server(tmp_path: Path, keys: KeyServer, client_keys: KeyServer) -> AsyncIterator[Server]:
    entra = tenant(
        "acme/entra",
        credentials=(BearerCredential(name="token"),),
        basic_credentials=(BasicCredential(name="basic"),),
        jwt_issuers=(
            JwtIssuer(name="entra", issuer=ISSUER, audiences=("app",), jwks_url=keys.url, access=Access.READ),
        ),
        oauth_clients=(
            OAuthClient(name="ping", client_id="ping"),
            OAuthClient(name="ipsie", client_id="ipsie", jwks_url=client_keys.url),
        ),
    )
    digests = {
        "acme/entra/token": token_digest(b"token-of-twenty-bytes", TOKEN_KEY),
        "acme/entra/basic": pair_digest(b"sync", PASSWORD.encode(), TOKEN_KEY),
        "acme/entra/ping": pair_digest(b"ping", SECRET.encode(), TOKEN_KEY),
        "beta/other/token": token_digest(OTHER_TOKEN.encode(), TOKEN_KEY),
    }
    beta = tenant("beta/other", credentials=(BearerCredential(name="token"),))
    bundle = bundle_of_tenants(entra, beta, digests=digests)
    limits = RequestLimits(failed_authentication=None)
    async with running(tmp_path, bundle, public_url="https://scim.example", limits=limits) as server:
        yield server


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def issued(key: Key, **changes: Any) -> str:
    return "Bearer " + key.sign(claims_of(ISSUER, "app", **changes))


async def status(server: Server, authorization: str, path: str = BASE, method: str = "GET") -> int:
    async with client(server, authorization) as one:
        return (await one.request(method, f"{path}/Users", json={} if method == "POST" else None)).status_code


def assertion(**changes: Any) -> dict[str, str]:
    claims = claims_of("ipsie", "https://scim.example/acme/entra/oauth/token", sub="ipsie", jti="1") | changes
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": CLIENT_KEY.sign(claims),
    }


async def test_a_password(server: Server) -> None:
    assert await status(server, basic("sync", PASSWORD)) == 200
    assert await status(server, basic("sync", PASSWORD), method="POST") == 400
    assert await status(server, basic("sync", PASSWORD + "x")) == 401
    assert await status(server, basic("sync", PASSWORD), "/beta/other/scim/v2") == 401


async def test_the_longest_secrets_can_be_sent_in_every_way(tmp_path: Path) -> None:
    longest, client_id = "%" * MAXIMUM_TOKEN_BYTES, "%" * 256
    one_tenant = tenant(
        "acme/entra",
        credentials=(BearerCredential(name="token"),),
        basic_credentials=(BasicCredential(name="basic"),),
        oauth_clients=(OAuthClient(name="client", client_id=client_id),),
    )
    digests = {
        "acme/entra/token": token_digest(longest.encode(), TOKEN_KEY),
        "acme/entra/basic": pair_digest(longest.encode(), longest.encode(), TOKEN_KEY),
        "acme/entra/client": pair_digest(client_id.encode(), longest.encode(), TOKEN_KEY),
    }
    async with running(tmp_path, bundle_of_tenants(one_tenant, digests=digests)) as server:
        assert await status(server, f"Bearer {longest}") == 200
        assert await status(server, basic(longest, longest)) == 200
        form = {"grant_type": "client_credentials"}
        for authorization, more in (
            (basic(quote(client_id), quote(longest)), {}),
            (None, {"client_id": client_id, "client_secret": longest}),
        ):
            async with client(server, authorization) as ping:
                assert (await ping.post("/acme/entra/oauth/token", data=form | more)).status_code == 200


async def test_an_issuers_token(server: Server) -> None:
    assert await status(server, issued(FIRST)) == 200
    assert await status(server, issued(FIRST), method="POST") == 403, "its access is Read"
    assert await status(server, issued(FIRST, aud="other")) == 401
    assert await status(server, issued(FIRST), "/beta/other/scim/v2") == 401


async def test_keys_rotate(server: Server, keys: KeyServer) -> None:
    keys.keys = [FIRST, SECOND]
    assert await status(server, issued(SECOND)) == 200
    assert await status(server, issued(FIRST)) == 200
    assert keys.requests == 1


async def test_the_last_keys_stay_while_the_issuer_is_down(server: Server, keys: KeyServer) -> None:
    assert await status(server, issued(FIRST)) == 200
    keys.status = 503
    assert await status(server, issued(SECOND)) == 401
    assert await status(server, issued(FIRST)) == 200


async def test_an_issuer_that_hangs_keeps_nobody_else_waiting(server: Server, keys: KeyServer) -> None:
    keys.gate.clear()
    waiting = asyncio.create_task(status(server, issued(FIRST)))
    await asyncio.wait_for(keys.asked.wait(), 5)
    assert await asyncio.wait_for(status(server, basic("sync", PASSWORD)), 5) == 200
    assert not waiting.done()
    keys.gate.set()
    assert await waiting == 200


async def test_an_issuer_that_sends_too_much_or_nonsense_is_as_good_as_away(server: Server, keys: KeyServer) -> None:
    keys.body = b" " * (1 << 20)
    assert await status(server, issued(FIRST)) == 503


async def test_a_token_whose_issuer_is_away_is_to_be_sent_again(server: Server, keys: KeyServer) -> None:
    keys.status = 500
    async with client(server, issued(FIRST)) as one:
        answer = await one.get(f"{BASE}/Users")
    assert (answer.status_code, answer.headers["retry-after"].isdecimal()) == (503, True)
    assert answer.json()["schemas"] == [ERROR]


async def test_a_token_that_needs_no_keys_to_be_wrong_is_401_while_the_issuer_is_away(
    server: Server, keys: KeyServer
) -> None:
    keys.status = 500
    assert await status(server, issued(FIRST, aud="other")) == 401
    assert await status(server, issued(FIRST, exp=1)) == 401
    assert await status(server, issued(FIRST, iss="https://other.example/")) == 401
    assert await status(server, issued(FIRST), "/beta/other/scim/v2") == 401
    assert await status(server, issued(FIRST), "/no/body/scim/v2") == 401
    assert await status(server, issued(FIRST)) == 503


async def test_an_assertion_whose_keys_are_away_is_to_be_sent_again(server: Server, client_keys: KeyServer) -> None:
    client_keys.status = 500
    async with client(server) as ipsie:
        answer = await ipsie.post("/acme/entra/oauth/token", data=assertion())
        wrong = await ipsie.post("/acme/entra/oauth/token", data=assertion(aud="https://other.example"))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"].isdecimal()
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


async def test_tokens_whose_issuer_is_away_count_as_failures(tmp_path: Path) -> None:
    issuer = JwtIssuer(name="entra", issuer=ISSUER, audiences=("app",), jwks_url="https://127.0.0.1:9/keys")
    bundle = bundle_of_tenants(tenant("acme/entra", jwt_issuers=(issuer,)))
    limits = RequestLimits(failed_authentication=Rate(0.001, 2))
    async with running(tmp_path, bundle, limits=limits) as server:
        assert [await status(server, issued(FIRST)) for _ in range(4)] == [503, 503, 429, 429]


async def test_a_removed_issuer_is_no_longer_believed(server: Server) -> None:
    assert await status(server, issued(FIRST)) == 200
    assert server.holder.current is not None
    await server.intake.offer(bundle_of_tenants(tenant("acme/entra"), revision=2), "test")
    assert await status(server, issued(FIRST)) == 401


async def test_client_credentials_with_a_secret(server: Server) -> None:
    async with client(server, basic("ping", SECRET)) as ping:
        answer = await ping.post("/acme/entra/oauth/token", data={"grant_type": "client_credentials"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "scim.provision")
    assert await status(server, f"Bearer {body['access_token']}") == 200
    assert await status(server, f"Bearer {body['access_token']}", "/beta/other/scim/v2") == 401


async def test_client_credentials_with_an_assertion(server: Server) -> None:
    async with client(server) as ipsie:
        answer = await ipsie.post("/acme/entra/oauth/token", data=assertion())
        assert answer.status_code == 200, answer.text
        assert await status(server, f"Bearer {answer.json()['access_token']}") == 200
        replayed = await ipsie.post("/acme/entra/oauth/token", data=assertion())
        elsewhere = await ipsie.post(
            "/acme/entra/oauth/token",
            data=assertion(jti="2", aud=f"{server.url}/acme/entra/oauth/token"),
            headers={"Host": server.url.removeprefix("http://")},
        )
    assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")
    assert elsewhere.status_code == 401, "the audience is the public URL, whatever the Host header says"


async def test_without_the_database_nobody_knows_whether_an_assertion_is_new(server: Server) -> None:
    await server.storage.close()
    async with client(server) as ipsie:
        answer = await ipsie.post("/acme/entra/oauth/token", data=assertion())
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"].isdecimal()


async def test_metadata_say_where_and_how_for_any_name(server: Server) -> None:
    async with client(server) as anybody:
        metadata, unknown = [
            (await anybody.get(f"/.well-known/oauth-authorization-server/{names}")).json()
            for names in ("acme/entra", "no/body")
        ]
    assert metadata["issuer"] == "https://scim.example/acme/entra"
    assert metadata["token_endpoint"] == "https://scim.example/acme/entra/oauth/token"
    assert metadata["grant_types_supported"] == ["client_credentials"]
    assert metadata["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ]
    assert unknown == {
        name: value.replace("acme/entra", "no/body") if isinstance(value, str) else value
        for name, value in metadata.items()
    }


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"data": {"grant_type": "client_credentials", "client_id": "ping", "client_secret": "x"}}, "invalid_client"),
        ({"data": {"grant_type": "client_credentials"}}, "invalid_client"),
        ({"data": {}}, "invalid_request"),
        ({"data": {"grant_type": "password"}}, "unsupported_grant_type"),
        ({"json": {"grant_type": "client_credentials"}}, "invalid_request"),
        ({"content": "grant_type=client_credentials&grant_type=password"}, "invalid_request"),
        ({"content": "grant_type=client_credentials&x=%ff"}, "invalid_request"),
        ({"content": b"grant_type=\xff"}, "invalid_request"),
        ({"content": "&".join(f"a{n}=1" for n in range(50))}, "invalid_request"),
        ({"content": "grant_type=" + "x" * 40_000}, "invalid_request"),
    ],
)
async def test_errors_of_the_token_endpoint_are_those_of_oauth_and_alike_for_every_tenant(
    server: Server, request_: dict[str, Any], expected: str
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"} if "content" in request_ else {}
    async with client(server, **form) as stranger:
        answers = [
            await stranger.post(f"/{names}/oauth/token", **request_)
            for names in ("acme/entra", "beta/other", "no/body")
        ]
    (seen,) = {
        (one.status_code, one.content, one.headers["content-type"], one.headers.get("www-authenticate"))
        for one in answers
    }
    assert seen[0] == (401 if expected == "invalid_client" else 400)
    assert answers[0].json()["error"] == expected
    assert (seen[3] is not None) == (expected == "invalid_client")


async def test_methods_of_the_oauth_endpoints(server: Server) -> None:
    async with client(server) as one:
        get = await one.get("/acme/entra/oauth/token")
        post = await one.post("/.well-known/oauth-authorization-server/acme/entra")
    assert (get.status_code, get.headers["allow"]) == (405, "POST")
    assert (post.status_code, post.headers["allow"]) == (405, "GET")


async def test_every_wrong_credential_gets_the_same_answer(server: Server) -> None:
    def seen(answer: httpx.Response) -> tuple[Any, ...]:
        varying = ("x-request-id", "date")
        return answer.status_code, answer.content, [h for h in answer.headers.items() if h[0] not in varying]

    wrong = (
        "Bearer wrong", "Bearer scim_wrong.wrong", basic("sync", "wrong"), issued(SECOND), issued(FIRST, aud="x"),
        "Basic x", "Digest x", "Bearer " + "x" * 20_000, issued(FIRST, iss="https://unknown.example"),
    )  # fmt: skip
    answers = []
    for path in (BASE, "/beta/other/scim/v2", "/no/body/scim/v2"):
        for authorization in wrong:
            async with client(server, authorization) as one:
                answers.append(await one.get(f"{path}/Users"))
    assert len({str(seen(answer)) for answer in answers}) == 1
    assert answers[0].status_code == 401
    assert answers[0].headers["www-authenticate"] == 'Bearer realm="scim", Basic realm="scim", charset="UTF-8"'
    assert answers[0].json()["schemas"] == [ERROR]


async def test_the_schemes_that_a_tenant_has_credentials_for_are_announced(server: Server) -> None:
    announced = {}
    for base, authorization in ((BASE, basic("sync", PASSWORD)), ("/beta/other/scim/v2", f"Bearer {OTHER_TOKEN}")):
        async with client(server, authorization) as one:
            config = (await one.get(f"{base}/ServiceProviderConfig")).json()
            announced[base] = [scheme["type"] for scheme in config["authenticationSchemes"]]
    assert announced == {BASE: ["oauthbearertoken", "httpbasic"], "/beta/other/scim/v2": ["oauthbearertoken"]}
