"""Credentials that nobody honest sends: each is 401 and counted as a failure, whatever it holds."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scim_server.app import Server
from scim_server.config import BearerCredential, JwtIssuer, OAuthClient, pair_digest, token_digest
from scim_server.http.protection import RequestLimits
from tests.scim_server.auth.authenticators import tenant
from tests.scim_server.http.running import TOKEN_KEY, bundle_of_tenants, client, running
from tests.support.issuer import Key, claims_of, jwks

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

BASE = "/acme/entra/scim/v2"
ISSUER = "https://sts.windows.net/0f0f/"
SECRET = "client-secret-of-twenty-bytes"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY, CLIENT_KEY = Key.new("first"), Key.new("client", "ES256")


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


DEEP = nested(1000)
"""As deep as orjson reads: deeper than Python's own recursion goes."""
ODD = (DEEP, nested(1000, '{"a":', "}").replace(":}", ":1}", 1), "1e400", "-1", "9" * 4000, '"\\u0000"', "null", "{}")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    entra = tenant(
        "acme/entra",
        credentials=(BearerCredential(name="token"),),
        jwt_issuers=(JwtIssuer(name="entra", issuer=ISSUER, audiences=("app",), jwks=jwks(KEY)),),
        oauth_clients=(
            OAuthClient(name="ping", client_id="ping"),
            OAuthClient(name="ipsie", client_id="ipsie", jwks=jwks(CLIENT_KEY)),
        ),
    )
    digests = {
        "acme/entra/token": token_digest(b"token-of-twenty-bytes", TOKEN_KEY),
        "acme/entra/ping": pair_digest(b"ping", SECRET.encode(), TOKEN_KEY),
    }
    limits = RequestLimits(failed_authentication=None)
    bundle = bundle_of_tenants(entra, digests=digests)
    async with running(tmp_path, bundle, public_url="https://scim.example", limits=limits) as server:
        yield server


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def with_member(document: dict[str, Any], name: str, value: str) -> str:
    """JSON whose member `name` is the JSON text `value`."""
    members = {key: json.dumps(one) for key, one in document.items()} | {name: value}
    return "{" + ",".join(f"{json.dumps(key)}:{one}" for key, one in members.items()) + "}"


def access_tokens() -> list[str]:
    said = {"tenant": "acme/entra", "client": "ping", "access": "Provision", "exp": 4_000_000_000}
    payloads = [with_member(said, name, value) for name in said for value in ODD]
    payloads += [*ODD, "", "[", '"tenant"']
    return [f"scim_{encoded(payload)}.{encoded('x' * 32)}" for payload in payloads]


def jwts(claims: dict[str, Any], key: Key) -> list[str]:
    header = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid}
    headers = [with_member(header, name, value) for name in (*header, "jwk", "x5c", "crit", "b64") for value in ODD]
    parts = [(encoded(one), encoded(json.dumps(claims))) for one in [*headers, *ODD]]
    bodies = [with_member(claims, name, value) for name in (*claims, "other") for value in ODD]
    parts += [(encoded(json.dumps(header)), encoded(one)) for one in [*bodies, *ODD]]
    return [f"{first}.{second}.{encoded('x' * 64)}" for first, second in parts]


def failures(server: Server) -> float:
    samples = server.metrics.registry.collect()
    return sum(
        one.value for metric in samples for one in metric.samples if one.name == "scim_authentication_failures_total"
    )


async def test_no_bearer_token_is_more_than_a_failure(server: Server) -> None:
    tokens = [*access_tokens(), *jwts(claims_of(ISSUER, "app"), KEY)]
    async with client(server) as stranger:
        for count, token in enumerate(tokens, 1):
            answer = await stranger.get(f"{BASE}/Users", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, token
            assert failures(server) == count


async def test_no_assertion_is_more_than_a_failure(server: Server) -> None:
    claims = claims_of("ipsie", "https://scim.example/acme/entra/oauth/token", sub="ipsie", jti="1")
    async with client(server) as stranger:
        for count, assertion in enumerate(jwts(claims, CLIENT_KEY), 1):
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": JWT_BEARER,
                "client_assertion": assertion,
            }
            answer = await stranger.post("/acme/entra/oauth/token", data=form)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), assertion
            assert failures(server) == count


@pytest.mark.parametrize("basic", ["=", "====", "%", "YQ", "YTpi!", ":", "eA==", "w" * 10_000])
async def test_no_basic_credential_is_more_than_a_failure(server: Server, basic: str) -> None:
    async with client(server, f"Basic {basic}") as stranger:
        assert (await stranger.get(f"{BASE}/Users")).status_code == 401
        answer = await stranger.post("/acme/entra/oauth/token", data={"grant_type": "client_credentials"})
    assert answer.status_code == 401
    assert failures(server) == 2


async def test_an_access_token_has_one_spelling(server: Server) -> None:
    form = {"grant_type": "client_credentials", "client_id": "ping", "client_secret": SECRET}
    async with client(server) as one:
        token = (await one.post("/acme/entra/oauth/token", data=form)).json()["access_token"]
        payload, code = token.removeprefix("scim_").split(".")
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(code[-1])
        unused_bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
        spellings = {
            f"scim_{payload}.{code}=": 401,
            f"scim_{payload}=.{code}": 401,
            f"scim_{payload}.{code}!": 401,
            f"scim_!{payload}.{code}": 401,
            f"scim_{payload}.{code[:-1]}{unused_bits}": 401,
            f"scim_{payload}.{code}.": 401,
            token: 200,
        }
        for spelling, expected in spellings.items():
            answer = await one.get(f"{BASE}/Users", headers={"Authorization": f"Bearer {spelling}"})
            assert answer.status_code == expected, spelling
