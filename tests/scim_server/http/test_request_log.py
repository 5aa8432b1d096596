"""The log line of a request: it says why a request was refused, and holds nothing secret or personal."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scim_server.app import Server
from scim_server.config import (
    BasicCredential,
    BearerCredential,
    JwtIssuer,
    OAuthClient,
    pair_digest,
    token_digest,
)
from scim_server.http.protection import RequestLimits
from tests.scim_server.auth.authenticators import tenant
from tests.scim_server.http.running import TOKEN_KEY, bundle_of_tenants, client, request_lines, running
from tests.scim_server.http.test_credentials import basic
from tests.support.issuer import Key, claims_of, jwks

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

BASE = "/acme/okta/scim/v2"
ISSUER = "https://sts.windows.net/0f0f/"
TOKEN, OLD_TOKEN = "token-of-twenty-bytes", "expired-token-of-twenty-bytes"
PASSWORD = "password-of-twenty-bytes"
KEY = Key.new("first")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    okta = tenant(
        "acme/okta",
        credentials=(
            BearerCredential(name="new"),
            BearerCredential(name="old", expires_at=datetime(2020, 1, 1, tzinfo=UTC)),
        ),
        jwt_issuers=(JwtIssuer(name="entra", issuer=ISSUER, audiences=("app",), jwks=jwks(KEY)),),
        oauth_clients=(OAuthClient(name="ping", client_id="ping"),),
    )
    passwords = tenant("acme/passwords", basic_credentials=(BasicCredential(name="basic"),))
    digests = {
        "acme/okta/new": token_digest(TOKEN.encode(), TOKEN_KEY),
        "acme/okta/old": token_digest(OLD_TOKEN.encode(), TOKEN_KEY),
        "acme/okta/ping": pair_digest(b"ping", b"client-secret-of-twenty-bytes", TOKEN_KEY),
        "acme/passwords/basic": pair_digest(b"sync", PASSWORD.encode(), TOKEN_KEY),
    }
    bundle = bundle_of_tenants(okta, passwords, digests=digests)
    async with running(tmp_path, bundle, limits=RequestLimits(failed_authentication=None)) as server:
        yield server


async def line_of(
    server: Server, authorization: str | None, path: str = f"{BASE}/Users", method: str = "GET", **request: Any
) -> dict[str, Any]:
    with request_lines() as lines:
        async with client(server, authorization) as one:
            await one.request(method, path, **request)
    (line,) = lines
    return line


JWT = "Bearer " + KEY.sign(claims_of(ISSUER, "other", sub="ann@acme.com"))


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no credential: the header Authorization is missing, or stands more than once"),
        ("Negotiate abc", "the header Authorization is too long, or neither bearer nor basic"),
        ("Bearer secret-that-is-wrong", "unknown token"),
        (f"Bearer {OLD_TOKEN}", "expired credential old"),
        (basic("ann@acme.com", TOKEN), "basic instead of bearer"),
        ("Bearer scim_abc.abc", "unknown access token: forged, of another tenant, or of a client that has changed"),
        pytest.param(JWT, "entra: aud holds none of audiences", id="JWT"),
    ],
)
async def test_it_says_why_a_credential_is_refused(server: Server, authorization: str | None, reason: str) -> None:
    line = await line_of(server, authorization)
    assert (line["status"], line["reason"]) == (401, reason)
    assert (line["addressedTenant"], line["tenant"], line["credential"]) == ("acme/okta", "", "")
    for personal in ("ann", "acme.com", "secret-that-is-wrong", TOKEN):
        assert personal not in json.dumps(line)


async def test_it_says_bearer_instead_of_basic(server: Server) -> None:
    path = "/acme/passwords/scim/v2/Users"
    assert (await line_of(server, f"Bearer {TOKEN}", path))["reason"] == "bearer instead of basic"
    assert (await line_of(server, basic("sync", TOKEN), path))["reason"] == "unknown user name or password"


@pytest.mark.parametrize(
    "authorization", [None, f"Bearer {TOKEN}", basic("sync", PASSWORD), pytest.param(JWT, id="JWT")]
)
async def test_of_an_unknown_tenant_it_has_nothing_but_that(server: Server, authorization: str | None) -> None:
    line = await line_of(server, authorization, "/ann/example.com/scim/v2/Users/ann")
    assert (line["status"], line["reason"], line["path"]) == (
        401,
        "unknown tenant",
        "/{namespace}/{name}/scim/v2/Users/{id}",
    )
    assert "addressedTenant" not in line
    assert "ann" not in json.dumps(line)


@pytest.mark.parametrize("path", ["/", "/acme/okta/scim", "/acme/okta/ann@acme.com"])
async def test_of_a_path_outside_of_scim(server: Server, path: str) -> None:
    line = await line_of(server, f"Bearer {TOKEN}", path)
    assert (line["status"], line["route"], line["path"]) == (404, "unknown", "other")
    assert line["reason"] == "SCIM is served at /{namespace}/{name}/scim/v2, events at /{namespace}/{name}/events"
    assert "ann" not in json.dumps(line)


async def test_of_the_token_endpoint(server: Server) -> None:
    form = {"grant_type": "client_credentials", "client_id": "ping", "client_secret": "wrong-secret"}
    path = "/acme/okta/oauth/token"
    line = await line_of(server, None, path, "POST", data=form)
    assert (line["status"], line["reason"]) == (401, "unknown client, or the secret isn't the client's")
    assert (line["addressedTenant"], line["route"]) == ("acme/okta", "/oauth/token")
    line = await line_of(server, None, path, "POST", data=form | {"grant_type": "password"})
    assert (line["status"], line["reason"]) == (
        400,
        "unsupported_grant_type: client_credentials is expected as grant_type",
    )
    line = await line_of(server, None, "/no/body/oauth/token", "POST", data=form)
    assert (line["status"], line["reason"]) == (401, "unknown tenant")
    assert "addressedTenant" not in line


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("", ""),
        ("/", ""),
        ("/Users/ann@acme.com", "/Users/{id}"),
        ("/users/.search", "/Users/.search"),
        ("/Roles/a/b", "/Roles/{id}"),
        ("/ann@acme.com", "/…"),
    ],
)
async def test_the_path_is_a_template(server: Server, path: str, template: str) -> None:
    line = await line_of(server, "Bearer wrong", BASE + path)
    assert (line["route"], line["path"]) == ("unknown", "/{namespace}/{name}/scim/v2" + template)


USER: dict[str, Any] = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}
PATCH: dict[str, Any] = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
ANN = "ann.smith@acme.com"


def patched(**operation: Any) -> dict[str, Any]:
    return PATCH | {"Operations": [{"op": "replace", **operation}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "scim_type", "attribute", "reason"),
    [
        ("POST", "/Users", USER, "invalidValue", "userName", "required and may not be empty"),
        (
            "POST",
            "/Users",
            USER | {"userName": ANN},
            "uniqueness",
            "userName",
            "the value is taken by a resource that exists",
        ),
        (
            "POST",
            "/Users",
            USER | {"userName": "x", "emails": [{"value": {"a": ANN}}]},
            "invalidValue",
            "emails.value",
            "expected a string, found an object",
        ),
        ("POST", "/Users", USER | {"userName": ANN * 100}, "invalidValue", "userName", "too long"),
        ("POST", "/Users", [ANN], "invalidSyntax", None, "the body isn't a JSON object"),
        ("PATCH", "/Users/ID", PATCH | {"Operations": ANN}, "invalidSyntax", "Operations", "expected an array"),
        (
            "PATCH",
            "/Users/ID",
            patched(op=ANN, path="title"),
            "invalidSyntax",
            "Operations[0].op",
            "expected add, replace or remove",
        ),
        ("PATCH", "/Users/ID", patched(path="titel", value=ANN), "invalidPath", "titel", "unknown attribute"),
        (
            "PATCH",
            "/Users/ID",
            patched(path=ANN, value=ANN),
            "invalidPath",
            "Operations[0].path",
            "unknown attribute",
        ),
        (
            "PATCH",
            "/Users/ID",
            patched(path=f'emails[value eq "{ANN}" or value eq "b"].display', value=ANN),
            "noTarget",
            "emails.display",
            "the path matches nothing",
        ),
        (
            "PATCH",
            "/Users/ID",
            {"Operations": [{"op": "remove", "path": "userName"}]},
            "mutability",
            "userName",
            "required",
        ),
        ("GET", f"/Users?filter={ANN}%20eq%20%22{ANN}%22", None, "invalidFilter", None, None),
        ("GET", f"/Users?filter=userNam%20eq%20%22{ANN}%22", None, "invalidFilter", "userNam", "unknown attribute"),
        (
            "GET",
            f"/Users?sortBy=password&startIndex={ANN}",
            None,
            "invalidValue",
            "startIndex",
            "expected an integer",
        ),
        ("GET", f"/Users/{ANN}", None, None, None, "no such resource"),
        ("GET", f"/{ANN}", None, None, None, "there is no such endpoint"),
        ("DELETE", "/Users", None, None, None, "the endpoint has GET, HEAD, POST"),
        ("PUT", "/Groups/ID", None, "invalidSyntax", None, "the body isn't JSON"),
    ],
)
async def test_it_says_what_is_wrong_with_a_request_and_nothing_personal(
    server: Server,
    method: str,
    path: str,
    body: Any,
    scim_type: str | None,
    attribute: str | None,
    reason: str | None,
) -> None:
    async with client(server, f"Bearer {TOKEN}") as provider:
        created = await provider.post(f"{BASE}/Users", json=USER | {"userName": ANN})
        user_id = created.json()["id"]
        with request_lines() as lines:
            answer = await provider.request(method, BASE + path.replace("ID", user_id), json=body)
    (line,) = lines
    assert answer.status_code == line["status"] >= 400
    assert (line.get("scimType"), line.get("attribute")) == (scim_type, attribute), answer.text
    assert answer.json().get("scimType") == scim_type
    if reason is not None:
        assert line["reason"] == reason
    assert line["reason"]
    for personal in ("ann", "smith", "acme.com", user_id):
        assert personal not in json.dumps(line).replace("acme/okta", ""), line


async def test_a_request_that_is_answered_has_no_reason(server: Server) -> None:
    line = await line_of(server, f"Bearer {TOKEN}")
    assert (line["status"], line["tenant"], line["credential"]) == (200, "acme/okta", "new")
    assert not {"reason", "path", "addressedTenant", "scimType", "attribute"} & line.keys()


async def test_one_that_was_refused_too_often_says_why_as_well(tmp_path: Path, server: Server) -> None:
    with request_lines() as lines:
        async with client(server, "Bearer wrong") as one:
            await one.get(f"{BASE}/Users")
    assert lines[0]["reason"] == "unknown token"


def failed(server: Server, reason: str) -> float:
    name = "scim_authentication_failures_total"
    return server.metrics.registry.get_sample_value(name, {"reason": reason}) or 0.0


async def test_failures_are_counted_by_their_kind(server: Server) -> None:
    for authorization in (None, "Bearer wrong", f"Bearer {OLD_TOKEN}", basic("a", "b"), JWT):
        await line_of(server, authorization)
    await line_of(server, None, "/no/body/scim/v2/Users")
    kinds = ("no_credential", "unknown_credential", "expired", "wrong_scheme", "jwt", "unknown_tenant")
    assert [failed(server, kind) for kind in kinds] == [1.0] * len(kinds)
