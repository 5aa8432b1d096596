"""Addresses as people type them: empty segments and the letters' case of endpoints."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from scim_server.app import Server
from scim_server.http.addresses import canonical_path
from scim_server.http.protection import RequestLimits
from scim_server.limits.token_bucket import Rate
from tests.scim_server.http.running import client, running
from tests.scim_server.http.test_errors import assert_scim_error
from tests.support.serving import Connection, bundle_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored


def at(one: httpx.AsyncClient, path: str) -> str:
    """The address as it is: httpx itself would take what follows two slashes for a host."""
    return str(one.base_url).rstrip("/") + path


@pytest.fixture
async def anybody(server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole port with the provisioning credential of `acme/okta`."""
    async with client(server, f"Bearer {connection.token('provision')}") as one:
        yield one


@pytest.mark.parametrize(
    "path",
    [
        "/acme/okta/scim/v2//Users",
        "//acme/okta/scim/v2/Users",
        "/acme//okta/scim///v2/Users//",
        "/acme/okta/scim/v2/users",
        "/acme/okta/scim/v2/USERS/",
        "/acme/okta/SCIM/V2/Users",
        "/acme/okta/scim/v2/%2FUsers",
        "/acme/okta/scim/v2/%75sers",
    ],
)
async def test_users_at_an_address_in_another_form(anybody: httpx.AsyncClient, path: str) -> None:
    created = await anybody.post(at(anybody, path), json={"userName": "ada"})
    assert created.status_code == 201, created.text
    location = created.headers["location"]
    assert location == created.json()["meta"]["location"]
    assert location.endswith(f"/acme/okta/scim/v2/Users/{created.json()['id']}")
    found = await anybody.get(at(anybody, path), params={"filter": 'userName eq "ada"'})
    assert found.json()["totalResults"] == 1
    resource = f"{path}/{created.json()['id']}"
    assert (await anybody.patch(at(anybody, resource), json={"Operations": []})).status_code == 200
    assert (await anybody.delete(at(anybody, resource))).status_code == 204
    assert_scim_error(await anybody.get(at(anybody, resource)), 404)


@pytest.mark.parametrize(
    "endpoint",
    ["Users", "Groups", "Roles", "ServiceProviderConfig", "Schemas", "ResourceTypes", "openapi.json"],
)
async def test_every_endpoint_in_any_case(provider: httpx.AsyncClient, endpoint: str) -> None:
    expected = (await provider.get(at(provider, f"/{endpoint}"))).json()
    for other in (endpoint.lower(), endpoint.upper(), f"/{endpoint.lower()}/"):
        answer = await provider.get(at(provider, f"/{other}"))
        assert (answer.status_code, answer.json()) == (200, expected), other


async def test_searches_and_bulk_in_any_case(provider: httpx.AsyncClient) -> None:
    for path in ("/.SEARCH", "/users/.Search", "//groups//.search", "/roles/.search"):
        assert (await provider.post(at(provider, path), json={"count": 1})).status_code == 200, path
    created = {"method": "POST", "path": "//users/", "bulkId": "1", "data": {"userName": "ada"}}
    bulk = await provider.post(at(provider, "//bulk"), json={"Operations": [created]})
    assert [each["status"] for each in bulk.json()["Operations"]] == ["201"]
    assert_scim_error(await provider.get(at(provider, "//me")), 501)


async def test_ids_stay_as_they_are(provider: httpx.AsyncClient, server: Server) -> None:
    group = (await provider.post(at(provider, "/groups"), json={"displayName": "Staff"})).json()
    assert (await provider.get(at(provider, f"/groups//{group['id']}"))).json() == group
    urn = "urn:ietf:params:scim:schemas:core:2.0:User"
    assert (await provider.get(at(provider, f"//schemas//{urn}"))).json()["id"] == urn
    assert canonical_path("/a/b/scim/v2/roles//me") == "/a/b/scim/v2/Roles//me"
    assert canonical_path("//a/b/SCIM/v2//roles/https://acme.com/Users/") == (
        "/a/b/scim/v2/Roles/https://acme.com/Users"
    )


async def test_authentication_comes_first_in_every_form(anybody: httpx.AsyncClient) -> None:
    """Also of a tenant that isn't there, and for what is no endpoint."""
    for path in ("/acme//okta/scim/v2/users", "//acme/okta/SCIM/v2//nothing", "/acme/OKTA/scim/v2/Users"):
        async with httpx.AsyncClient(base_url=anybody.base_url, trust_env=False) as stranger:
            assert_scim_error(await stranger.get(at(stranger, path)), 401)
    assert_scim_error(await anybody.get(at(anybody, "/other//okta/scim/v2/users")), 401)


async def test_authorisation_sees_what_is_routed(application: httpx.AsyncClient) -> None:
    for path in ("//Users", "/users", "/%2Fusers/", "//Bulk", "/groups//"):
        assert_scim_error(await application.post(at(application, path), json={"userName": "ada"}), 403)
    assert (await application.post(at(application, "//users//.SEARCH"), json={})).status_code == 200


async def test_limits_count_all_forms_as_one(tmp_path: Path, connection: Connection) -> None:
    limits = RequestLimits(tenant_rate=Rate(0.001, 3))
    async with (
        running(tmp_path, bundle_of(connection), limits=limits) as server,
        client(server, f"Bearer {connection.token('provision')}") as one,
    ):
        forms = (
            "/acme/okta/scim/v2/Users",
            "//acme/okta/scim/v2/users",
            "/acme/okta/scim//V2/users/",
            "/acme//okta/scim/v2/users",
        )
        assert [(await one.get(at(one, form))).status_code for form in forms] == [200, 200, 200, 429]
        requests = server.metrics.registry.get_sample_value(
            "scim_requests_total", {"tenant": "acme/okta", "method": "GET", "route": "/Users", "status": "200"}
        )
        assert requests == 3
