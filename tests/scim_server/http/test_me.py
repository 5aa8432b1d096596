"""/Me: the user that a credential stands for, and end users' own tokens (access Self)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import Access, BearerCredential, JwtIssuer, Role, RoleRule, token_digest
from tests.scim_server.auth.authenticators import tenant
from tests.scim_server.http.running import TOKEN_KEY, bundle_of_tenants, client, running
from tests.scim_server.http.test_errors import assert_scim_error
from tests.scim_server.http.test_groups import create_group
from tests.scim_server.http.test_users import create
from tests.support.issuer import Key, claims_of, jwks
from tests.support.serving import EFFECTIVE

BASE = "/acme/okta/scim/v2"
ISSUER = "https://id.acme.com"
KEY = Key.new("people", "ES256")
CREDENTIALS = (
    BearerCredential(name="sync"),
    BearerCredential(name="ann-provision", user_name="Ann@Acme.com"),
    BearerCredential(name="ann-read", user_name="ann@acme.com", access=Access.READ),
    BearerCredential(name="ann-self", user_name="ann@acme.com", access=Access.SELF),
)


def token(name: str) -> str:
    return f"token-of-{name}-0123456789"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    acme = tenant(
        "acme/okta",
        credentials=CREDENTIALS,
        jwt_issuers=(
            JwtIssuer(
                name="people",
                issuer=ISSUER,
                audiences=("scim",),
                algorithms=("ES256",),
                jwks=jwks(KEY),
                access=Access.SELF,
                user_name_claim="preferred_username",
            ),
        ),
        roles=(Role(name="admin", permissions=("users:write",)),),
        rules=(
            RoleRule(mapping="acme/roles", rule="admins", groups=({"display_name": "Admins"},), roles=("admin",)),
        ),
    )
    digests = {f"acme/okta/{one.name}": token_digest(token(one.name).encode(), TOKEN_KEY) for one in CREDENTIALS}
    async with running(tmp_path, bundle_of_tenants(acme, digests=digests)) as server:
        yield server


@pytest.fixture
async def provider(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with client(server, f"Bearer {token('sync')}") as one:
        one.base_url = httpx.URL(server.url + BASE)
        yield one


async def ask(server: Server, name: str, method: str, path: str = "/Me", **arguments: Any) -> httpx.Response:
    """`name` of a credential."""
    async with client(server, f"Bearer {token(name)}") as one:
        return await one.request(method, BASE + path, **arguments)


async def ask_as(server: Server, path: str = "/Me", **claims: Any) -> httpx.Response:
    """With a token of the issuer."""
    async with client(server, f"Bearer {KEY.sign(claims_of(ISSUER, 'scim', **claims))}") as one:
        return await one.get(BASE + path)


async def test_a_credential_that_stands_for_nobody_has_no_me(server: Server, provider: httpx.AsyncClient) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert_scim_error(await provider.request(method, "/Me", json={}), 501)


async def test_me_is_the_user_at_its_permanent_address(server: Server, provider: httpx.AsyncClient) -> None:
    ann = await create(provider, "ann@acme.com")
    await create(provider, "bob@acme.com")
    for name in ("ann-provision", "ann-read", "ann-self"):
        answer = await ask(server, name, "GET")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["id"], answer.json()["userName"]) == (ann["id"], "ann@acme.com")
        address = f"{server.url}{BASE}/Users/{ann['id']}"
        assert answer.json()["meta"]["location"] == address
        assert (answer.headers["location"], answer.headers["content-location"]) == (address, address)
        again = await ask(server, name, "GET", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.headers["content-location"]) == (304, address)
        assert (await ask(server, name, "HEAD", "/Me/")).status_code == 200


async def test_who_may_provision_changes_its_user_there(server: Server, provider: httpx.AsyncClient) -> None:
    ann = await create(provider, "ann@acme.com")
    assert EFFECTIVE not in (await ask(server, "ann-provision", "GET")).json()
    replaced = await ask(server, "ann-provision", "PUT", json={"userName": "ann@acme.com", "title": "Countess"})
    assert (replaced.status_code, replaced.json()["id"], replaced.json()["title"]) == (200, ann["id"], "Countess")
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "Baroness"}]}
    stale = await ask(server, "ann-provision", "PATCH", json=patch, headers={"If-Match": 'W/"1"'})
    assert_scim_error(stale, 412)
    patched = await ask(server, "ann-provision", "PATCH", "/Me?attributes=title", json=patch)
    assert (patched.status_code, patched.json()["title"]) == (200, "Baroness")
    assert patched.headers["content-location"].endswith(f"/Users/{ann['id']}")
    assert_scim_error(await ask(server, "ann-provision", "POST", json={"userName": "eve"}), 501)
    assert (await ask(server, "ann-provision", "DELETE")).status_code == 204
    assert_scim_error(await ask(server, "ann-provision", "GET"), 404)
    assert (await provider.get(f"/Users/{ann['id']}")).status_code == 404


async def test_who_may_read_only_reads_there(server: Server, provider: httpx.AsyncClient) -> None:
    await create(provider, "ann@acme.com")
    for name in ("ann-read", "ann-self"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert_scim_error(await ask(server, name, method, json={}), 403)
        assert (await ask(server, name, "GET")).json()[EFFECTIVE]["state"] == "active"


async def test_a_user_sees_its_own_roles_and_nobody_else(server: Server, provider: httpx.AsyncClient) -> None:
    ann = await create(provider, "ann@acme.com")
    before = await ask(server, "ann-self", "GET")
    assert before.json()[EFFECTIVE]["roles"] == []
    group = await create_group(provider, "Admins", ann["id"])
    after = await ask(server, "ann-self", "GET", headers={"If-None-Match": before.headers["etag"]})
    assert [role["value"] for role in after.json()[EFFECTIVE]["roles"]] == ["admin"]
    assert after.json()[EFFECTIVE]["permissions"] == ["users:write"]
    assert [shown["value"] for shown in after.json()["groups"]] == [group["id"]]
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
    for method, path in (
        ("GET", "/Users"),
        ("GET", f"/Users/{ann['id']}"),
        ("GET", "/Groups"),
        ("GET", f"/Groups/{group['id']}"),
        ("GET", "/Roles"),
        ("POST", "/.search"),
        ("POST", "/Users/.search"),
        ("POST", "/Me/.search"),
        ("POST", "/Bulk"),
        ("POST", "/Schemas"),
        ("GET", "//Users"),
        ("GET", "/Me/Users"),
        ("GET", "/Me%2f..%2fUsers"),
        ("GET", "/Schemas%2f..%2f..%2fUsers/"),
        ("GET", ""),
        ("GET", "/nothing"),
    ):
        answer = await ask(server, "ann-self", method, path, json=search if method == "POST" else None)
        assert answer.status_code in (403, 404), (method, path)
        assert answer.status_code == 403 or path.startswith("/Schemas%2f"), (method, path)
        assert_scim_error(answer, answer.status_code)


async def test_a_user_may_see_what_describes_the_endpoint(server: Server) -> None:
    for path in (
        "/ServiceProviderConfig",
        "/Schemas",
        f"/Schemas/{EFFECTIVE}",
        "/ResourceTypes/User",
        "/openapi.json",
    ):
        assert (await ask(server, "ann-self", "GET", path)).status_code == 200, path


async def test_a_token_of_an_issuer_stands_for_the_user_in_its_claim(
    server: Server, provider: httpx.AsyncClient
) -> None:
    ann, bob = await create(provider, "ann@acme.com"), await create(provider, "bob@acme.com")
    for name, user in (("ANN@acme.com", ann), ("bob@acme.com", bob)):
        answer = await ask_as(server, preferred_username=name)
        assert answer.json()["id"] == user["id"]
    assert_scim_error(await ask_as(server, "/Users", preferred_username="ann@acme.com"), 403)
    await create(provider, "kate@acme.com")
    strangers: tuple[Any, ...] = (
        "\N{KELVIN SIGN}ate@acme.com",
        "eve@acme.com",
        "ann@acme.com\0",
        "x" * 10_000,
        '" or userName pr or userName eq "',
    )
    for name in strangers:
        detail = assert_scim_error(await ask_as(server, preferred_username=name), 404)
        assert "no user with the userName" in detail
    for claim in (None, "", 7, ["ann@acme.com"], {"value": "ann@acme.com"}):
        detail = assert_scim_error(await ask_as(server, preferred_username=claim), 404)
        assert "names no user" in detail
