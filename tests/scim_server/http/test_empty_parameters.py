"""Parameters without a value, as generated clients send them: as if they weren't there."""

from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import ConfigBundle, Conformance, ServerConfig
from tests.scim_server.http.test_errors import assert_scim_error
from tests.support.serving import EFFECTIVE, Connection, bundle_of, client_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

ALL = "filter=&sortBy=&sortOrder=&attributes=&excludedAttributes=&startIndex=&count="


@pytest.mark.parametrize("query", [ALL, ALL.lower(), ALL.replace("=", "=%20"), "sortBy=&sortOrder=", "attributes=,"])
async def test_lists(provider: httpx.AsyncClient, query: str) -> None:
    for name in ("ada", "bob"):
        await provider.post("/Users", json={"userName": name})
    plain = (await provider.get("/Users")).json()
    assert plain["totalResults"] == 2
    assert (await provider.get(f"/Users?{query}")).json() == plain
    one = plain["Resources"][0]
    assert (await provider.get(f"/Users/{one['id']}?{query}")).json() == one
    assert (await provider.get(f"/Groups?{query}")).json()["totalResults"] == 0
    assert (await provider.get(f"/Schemas?{query}")).json() == (await provider.get("/Schemas")).json()


async def test_searches(provider: httpx.AsyncClient) -> None:
    await provider.post("/Users", json={"userName": "ada"})
    empty: dict[str, Any] = {"filter": "", "sortBy": "", "sortOrder": " ", "attributes": [], "excludedAttributes": ""}
    plain = (await provider.post("/Users/.search", json={})).json()
    assert (await provider.post("/Users/.search", json=empty | {"count": ""})).json() == plain
    assert (await provider.post("/Users/.search", json=empty | {"attributes": ["", " "]})).json() == plain


async def test_the_first_page_by_cursor_has_an_empty_one(provider: httpx.AsyncClient) -> None:
    for name in ("ada", "bob"):
        await provider.post("/Users", json={"userName": name})
    page = (await provider.get("/Users?cursor=&count=1&filter=&startIndex=")).json()
    assert page["nextCursor"]


async def test_a_reader_still_sees_the_effective_extension(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = (await provider.post("/Users", json={"userName": "ada"})).json()
    assert EFFECTIVE in (await application.get(f"/Users/{user['id']}?attributes=")).json()


async def test_a_change_of_a_group_is_still_204(provider: httpx.AsyncClient) -> None:
    group = (await provider.post("/Groups", json={"displayName": "Staff"})).json()
    operations = [{"op": "replace", "path": "displayName", "value": "All"}]
    path = f"/Groups/{group['id']}"
    answer = await provider.patch(f"{path}?attributes=&excludedAttributes=", json={"Operations": operations})
    assert answer.status_code == 204
    answer = await provider.patch(f"{path}?attributes=displayName", json={"Operations": operations})
    assert answer.json()["displayName"] == "All"


async def test_a_strict_tenant_refuses_what_the_rfc_doesnt_have(bare_server: Server, connection: Connection) -> None:
    bundle = bundle_of(connection)
    (tenant,) = bundle.config.tenants
    strict = tenant.model_copy(update={"conformance": Conformance.STRICT})
    await bare_server.intake.offer(
        ConfigBundle.of(ServerConfig(revision=1, tenants=(strict,)), bundle.secrets), "test"
    )
    async with client_of(bare_server.url, connection) as one:
        assert_scim_error(await one.get("/Users?filter="), 400, "invalidFilter")
        assert_scim_error(await one.get("/Users?sortBy=userName&sortOrder="), 400, "invalidValue")
        for name in ("startIndex", "count"):
            assert_scim_error(await one.get(f"/Users?{name}="), 400, "invalidValue")
            assert_scim_error(await one.get(f"/Roles?{name}=%20"), 400, "invalidValue")
