"""Bulk over HTTP (RFC 7644 §3.7)."""

from typing import Any

import httpx
import pytest

from scim_server.scim.versions import tag_of_version
from tests.support.serving import ENTERPRISE, roles_of

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def _user(name: str, **data: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name, **data}}


def _group(name: str, *members: str) -> dict[str, Any]:
    data = {"displayName": name, "members": [{"value": member} for member in members]}
    return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}


async def _bulk(provider: httpx.AsyncClient, *operations: Any, **fields: Any) -> list[dict[str, Any]]:
    answer = await provider.post("/Bulk", json={"schemas": [REQUEST], "Operations": list(operations), **fields})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["schemas"] == [RESPONSE]
    results: list[dict[str, Any]] = body["Operations"]
    return results


async def _members(provider: httpx.AsyncClient, location: str) -> set[str]:
    return {member["value"] for member in (await provider.get(location)).json()["members"]}


async def test_everything_in_one_request(provider: httpx.AsyncClient, application: httpx.AsyncClient) -> None:
    results = await _bulk(provider, _group("App Admins", "bulkId:ada"), _user("ada"), _user("bob"))
    assert [(each["bulkId"], each["method"], each["status"]) for each in results] == [
        ("App Admins", "POST", "201"),
        ("ada", "POST", "201"),
        ("bob", "POST", "201"),
    ]
    assert all("response" not in each for each in results)
    ada = results[1]["location"].rpartition("/")[2]
    assert await _members(provider, results[0]["location"]) == {ada}
    assert await roles_of(application, "ada") == ["admin", "viewer"]
    user = await provider.get(results[1]["location"])
    assert (tag_of_version(user.headers["etag"]), user.json()["id"]) == (results[1]["version"], ada)


async def test_changes_of_what_is_there(provider: httpx.AsyncClient) -> None:
    ada, bob, staff = await _bulk(provider, _user("ada"), _user("bob"), _group("Staff"))
    ids = {each["bulkId"]: each["location"].rpartition("/")[2] for each in (ada, bob, staff)}
    add = [{"op": "add", "path": "members", "value": [{"value": ids["ada"]}]}]
    results = await _bulk(
        provider,
        {"method": "put", "path": f"Users/{ids['ada']}", "data": {"userName": "ada", "title": "Countess"}},
        {"method": "PATCH", "path": f"/Groups/{ids['Staff']}", "data": {"Operations": add}},
        {"method": "DELETE", "path": f"/Users/{ids['bob']}", "version": bob["version"]},
        {"method": "PATCH", "path": f"/Users/{ids['ada']}", "version": ada["version"], "data": {"Operations": []}},
    )
    assert [each["status"] for each in results] == ["200", "200", "204", "412"]
    assert (await provider.get(ada["location"])).json()["title"] == "Countess"
    assert await _members(provider, staff["location"]) == {ids["ada"]}
    assert (await provider.get(bob["location"])).status_code == 404
    assert results[3]["response"]["status"] == "412"
    assert results[3]["location"] == ada["location"]


async def test_circular_references_are_resolved(provider: httpx.AsyncClient) -> None:
    def managed_by(manager: str) -> dict[str, Any]:
        return {ENTERPRISE: {"department": "x", "manager": {"value": f"bulkId:{manager}"}}}

    results = await _bulk(
        provider,
        _group("A", "bulkId:B", "bulkId:ada"),
        _group("B", "bulkId:A"),
        _user("ada", **managed_by("bob")),
        _user("bob", **managed_by("ada")),
    )
    assert [each["status"] for each in results] == ["201"] * 4
    a, b, ada, bob = (each["location"].rpartition("/")[2] for each in results)
    assert await _members(provider, f"/Groups/{a}") == {b, ada}
    assert await _members(provider, f"/Groups/{b}") == {a}
    for user, manager in ((ada, bob), (bob, ada)):
        shown = await provider.get(f"/Users/{user}")
        assert shown.json()[ENTERPRISE]["manager"]["value"] == manager
    tags = [(await provider.get(each["location"])).headers["etag"] for each in results]
    assert [tag_of_version(tag) for tag in tags] == [each["version"] for each in results]


async def test_errors_are_the_operations_own(provider: httpx.AsyncClient) -> None:
    results = await _bulk(
        provider,
        _user("ada"),
        {**_user("ada"), "bulkId": "again"},
        _group("Staff", "bulkId:again"),
        _group("Empty", "bulkId:nobody"),
        {"method": "PATCH", "path": "/Users/bulkId:again", "data": {"Operations": []}},
        {"method": "DELETE", "path": "/Users/bulkId:nobody"},
        {"method": "GET", "path": "/Users/1"},
        {"method": "DELETE", "path": "/Users/../../other/tenant/scim/v2/Users/1"},
        _user("bob", **{ENTERPRISE: {"manager": {"value": "bulkId:again"}}}),
        _user("eve"),
    )
    assert [each["status"] for each in results] == [
        *("201", "409", "400", "400", "400", "400", "400", "400", "400", "201"),
    ]
    for each in results[1:-1]:
        assert each["response"]["status"] == each["status"]
        assert each["response"]["detail"]
    assert results[1]["response"]["scimType"] == "uniqueness"
    users = (await provider.get("/Users")).json()
    assert sorted(user["userName"] for user in users["Resources"]) == ["ada", "eve"]


@pytest.mark.parametrize(("limit", "done"), [(1, 2), (2, 4), (3, 5), (None, 5)])
async def test_fail_on_errors(provider: httpx.AsyncClient, limit: int | None, done: int) -> None:
    bad = {"method": "POST", "path": "/Users", "data": {}}
    fields = {} if limit is None else {"failOnErrors": limit}
    results = await _bulk(provider, _user("a"), bad, _user("b"), bad, _user("c"), **fields)
    assert len(results) == done
    assert (await provider.get("/Users")).json()["totalResults"] == sum(each["status"] == "201" for each in results)


async def test_limits(provider: httpx.AsyncClient) -> None:
    many = await provider.post("/Bulk", json={"Operations": [_user("a")] * 1001})
    assert (many.status_code, many.json()["status"]) == (413, "413")
    large = await provider.post("/Bulk", content=b'{"Operations": ["' + b"x" * (8 << 20) + b'"]}')
    assert (large.status_code, large.json()["status"]) == (413, "413")
    assert (await provider.get("/Users")).json()["totalResults"] == 0


async def test_a_reader_may_not(application: httpx.AsyncClient) -> None:
    assert (await application.post("/Bulk", json={"Operations": []})).status_code == 403
