"""The role catalogue as Okta discovers it."""

import httpx
import pytest

from tests.support.serving import CATALOGUE

ROLE = "urn:okta:scim:schemas:core:1.0:Role"


async def test_the_catalogue(provider: httpx.AsyncClient) -> None:
    listed = (await provider.get("/Roles")).json()
    assert listed["totalResults"] == len(CATALOGUE)
    assert [role["id"] for role in listed["Resources"]] == list(CATALOGUE)
    for role in listed["Resources"]:
        assert role["schemas"] == [ROLE]
        assert role["displayName"] == role["id"]
        one = await provider.get(f"/Roles/{role['id']}")
        assert one.json() == role
        assert one.headers["location"] == role["meta"]["location"] == f"{provider.base_url}Roles/{role['id']}"


async def test_okta_finds_it_through_resource_types_and_schemas(provider: httpx.AsyncClient) -> None:
    provider.headers["User-Agent"] = "Okta SCIM Client 1.0.0"
    listed = (await provider.get("/ResourceTypes")).json()
    assert [each["id"] for each in listed["Resources"]] == ["User", "Group", "Role"]
    resource_type = (await provider.get("/ResourceTypes/Role")).json()
    assert (resource_type["endpoint"], resource_type["schema"]) == ("/Roles", ROLE)
    assert (await provider.get(f"/Schemas/{ROLE}")).json()["name"] == "Role"


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ({"filter": 'id eq "admin"'}, ["admin"]),
        ({"filter": 'displayName eq "ADMIN"'}, ["admin"]),
        ({"filter": 'displayName co "nobody"'}, []),
        ({"startIndex": "2", "count": "2"}, ["analyst", "guest"]),
        ({"startIndex": "9"}, []),
        ({"count": "0"}, []),
        ({"sortBy": "displayName", "sortOrder": "descending"}, ["viewer", "guest", "analyst", "admin"]),
    ],
)
async def test_queries(provider: httpx.AsyncClient, parameters: dict[str, str], ids: list[str]) -> None:
    listed = (await provider.get("/Roles", params=parameters)).json()
    assert [role["id"] for role in listed["Resources"]] == ids
    searched = (await provider.post("/Roles/.search", json=parameters)).json()
    assert searched == listed


async def test_what_is_refused(provider: httpx.AsyncClient) -> None:
    assert (await provider.get("/Roles/nothing")).status_code == 404
    assert (await provider.get("/Roles", params={"filter": 'title eq "x"'})).json()["scimType"] == "invalidFilter"
    assert (await provider.get("/Roles", params={"cursor": "", "count": "1"})).json()["scimType"] == "invalidCursor"
    for method, path in [("POST", "/Roles"), ("PUT", "/Roles/admin"), ("DELETE", "/Roles/admin")]:
        answer = await provider.request(method, path)
        assert (answer.status_code, answer.json()["status"]) == (405, "405")
        assert "GET" in answer.headers["allow"]
