"""A resource as a whole has a limit, however it comes to its size."""

from typing import Any

import httpx

from scim_server.app import Server
from scim_server.scim.resource import DEFAULT_LIMITS
from tests.scim_server.http.test_errors import assert_scim_error
from tests.support.serving import PATCH_OP, Connection
from tests.support.storages import insert_user

MOST = DEFAULT_LIMITS.whole
LONG = "x" * DEFAULT_LIMITS.string_length
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def photos(number: int) -> list[dict[str, Any]]:
    """64 KiB each: 15 of them fit into a resource."""
    return [{"value": f"{index}{LONG[len(str(index)) :]}"} for index in range(number)]


def patch(op: str, path: str, value: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": op, "path": path, "value": value}]}


def assert_too_large(answer: httpx.Response) -> None:
    assert str(MOST) in assert_scim_error(answer, 400, "invalidValue")


async def count(provider: httpx.AsyncClient) -> int:
    return int((await provider.get("/Users", params={"count": 0})).json()["totalResults"])


async def test_a_user_as_a_whole_has_a_limit(provider: httpx.AsyncClient) -> None:
    assert_too_large(await provider.post("/Users", json={"userName": "a", "photos": photos(17)}))
    assert await count(provider) == 0
    created = await provider.post("/Users", json={"userName": "a", "photos": photos(14)})
    assert created.status_code == 201
    path = f"/Users/{created.json()['id']}"
    before = (await provider.get(path)).json()
    assert_too_large(await provider.put(path, json={"userName": "b", "photos": photos(17)}))
    for number in range(2):  # the second of these small requests is too much
        last = await provider.patch(path, json=patch("add", "title" if number else "nickName", LONG))
    assert_too_large(last)
    after = (await provider.get(path)).json()
    assert after.pop("nickName") == LONG
    assert {name: after[name] for name in after if name != "meta"} == {
        name: before[name] for name in before if name != "meta"
    }


async def test_one_text_in_many_elements_counts_as_often(provider: httpx.AsyncClient) -> None:
    created = await provider.post(
        "/Users", json={"userName": "a", "addresses": [{"locality": str(number)} for number in range(500)]}
    )
    path = f"/Users/{created.json()['id']}"
    assert_too_large(await provider.patch(path, json=patch("replace", "addresses[locality pr].formatted", LONG)))
    assert "formatted" not in (await provider.get(path)).text


async def test_a_group_as_a_whole_has_a_limit_but_for_its_members(
    server: Server, connection: Connection, provider: httpx.AsyncClient
) -> None:
    users = [await insert_user(server.storage, connection.key, {"userName": f"u{n}"}, True) for n in range(30)]
    extra = {"$ref": LONG}  # of a member nothing is kept but its id
    body = {"displayName": "Staff", "members": [{"value": user.id, **extra} for user in users]}
    created = await provider.post("/Groups", json=body)
    assert created.status_code == 201
    assert len(created.json()["members"]) == 30


async def test_operations_of_bulk_have_the_same_limit(provider: httpx.AsyncClient) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "a", "photos": photos(17)}},
        {"method": "POST", "path": "/Users", "bulkId": "2", "data": {"userName": "b", "photos": photos(1)}},
    ]
    answer = await provider.post("/Bulk", json={"schemas": [BULK], "Operations": operations})
    refused, done = answer.json()["Operations"]
    assert (refused["status"], done["status"]) == ("400", "201")
    assert str(MOST) in refused["response"]["detail"]
    assert await count(provider) == 1


async def test_what_is_larger_already_can_be_read_made_smaller_and_deactivated(
    server: Server, connection: Connection, provider: httpx.AsyncClient
) -> None:
    """As an earlier version stored it."""
    document = {"userName": "a", "active": True, "photos": photos(40), "title": "before"}
    record = await insert_user(server.storage, connection.key, document, True)
    path = f"/Users/{record.id}"
    assert len((await provider.get(path)).json()["photos"]) == 40
    assert len((await provider.get("/Users")).json()["Resources"]) == 1
    assert (await provider.patch(path, json=patch("replace", "active", False))).status_code == 200
    assert_too_large(await provider.patch(path, json=patch("replace", "title", "and after")))
    assert (await provider.patch(path, json=patch("replace", "title", "after"))).status_code == 200
    assert (await provider.patch(path, json=patch("replace", "photos", photos(30)))).status_code == 200
    assert_too_large(await provider.patch(path, json=patch("replace", "photos", photos(31))))
    user = (await provider.get(path)).json()
    assert (len(user["photos"]), user["active"], user["title"]) == (30, False, "after")


async def test_a_user_at_the_limit_can_be_deactivated(provider: httpx.AsyncClient) -> None:
    document: dict[str, Any] = {"userName": "a", "active": True, "photos": photos(15), "title": "x"}
    left = MOST - len(httpx.Request("POST", "http://x", json=document).content)
    document["title"] = LONG[: left + 1]
    created = await provider.post("/Users", json=document)
    assert created.status_code == 201, created.text
    path = f"/Users/{created.json()['id']}"
    assert (await provider.patch(path, json=patch("replace", "active", False))).status_code == 200
    assert_too_large(await provider.patch(path, json=patch("replace", "title", LONG)))
