"""Pages end where they have so many bytes: fewer resources than `count`, and none is left out."""

from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.storage.records import Query
from tests.support.serving import EFFECTIVE, Connection
from tests.support.storages import insert_user

SIZE = 900_000
NUMBER = 7
FIT = Query().most_bytes // SIZE + 1
"""The page ends with the one that goes beyond."""


@pytest.fixture
async def names(server: Server, connection: Connection, provider: httpx.AsyncClient) -> list[str]:
    """In the order in which a list has them."""
    for number in range(NUMBER):
        photos = [{"value": "x" * 60_000}] * (SIZE // 60_000)
        document = {"userName": f"u{number}", "title": f"t{number}", "photos": photos}
        await insert_user(server.storage, connection.key, document, True)
    for number in range(2):
        await provider.post("/Groups", json={"displayName": f"g{number}"})
    return [f"u{number}" for number in range(NUMBER)]


def named(page: dict[str, Any]) -> list[str]:
    assert page["itemsPerPage"] == len(page["Resources"])
    return [each.get("userName") or each["displayName"] for each in page["Resources"]]


async def walk_by_index(
    client: httpx.AsyncClient, path: str, total: int, parameters: dict[str, str], *, post: bool = False
) -> list[list[str]]:
    pages: list[list[str]] = []
    while (passed := sum(map(len, pages))) < total:
        asked: dict[str, str | int] = {"startIndex": passed + 1, "count": 100, **parameters}
        answer = await (client.post(path, json=asked) if post else client.get(path, params=asked))
        assert answer.json()["totalResults"] == total
        pages.append(named(answer.json()))
        assert pages[-1]
    return pages


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"attributes": "userName"},
        {"filter": "title pr"},
        {"sortBy": "title"},
        {"sortBy": "userName", "filter": "active eq true"},
    ],
)
async def test_a_walk_by_index(
    provider: httpx.AsyncClient, application: httpx.AsyncClient, names: list[str], parameters: dict[str, str]
) -> None:
    for client in (provider, application):
        pages = await walk_by_index(client, "/Users", NUMBER, parameters)
        assert [name for page in pages for name in page] == names
        assert [len(page) for page in pages] == [FIT, FIT, NUMBER - 2 * FIT]


@pytest.mark.parametrize("parameters", [{}, {"sortBy": "title"}, {"filter": "title pr"}])
async def test_a_walk_by_cursor_and_back(
    provider: httpx.AsyncClient, names: list[str], parameters: dict[str, str]
) -> None:
    pages: list[list[str]] = []
    cursor, before = "", ""
    while True:
        page = (await provider.get("/Users", params={"cursor": cursor, "count": 100, **parameters})).json()
        pages.append(named(page))
        if "nextCursor" not in page:
            before = page["previousCursor"]
            break
        cursor = page["nextCursor"]
    assert [name for page in pages for name in page] == names
    back = (await provider.get("/Users", params={"cursor": before, "count": 100, **parameters})).json()
    assert named(back) == names[NUMBER - len(pages[-1]) - FIT : NUMBER - len(pages[-1])]


async def test_groups_follow_when_all_users_are_shown(provider: httpx.AsyncClient, names: list[str]) -> None:
    pages = await walk_by_index(provider, "/.search", NUMBER + 2, {}, post=True)
    assert [name for page in pages for name in page] == [*names, "g0", "g1"]
    found: list[str] = []
    cursor = ""
    while True:
        page = (await provider.post("/.search", json={"cursor": cursor, "count": 100})).json()
        found += named(page)
        if "nextCursor" not in page:
            break
        cursor = page["nextCursor"]
    assert found == [*names, "g0", "g1"]


async def test_groups_of_users_are_read_in_parts(
    server: Server, connection: Connection, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    """12,000 memberships, of which 10,000 are read at once."""
    users = [await insert_user(server.storage, connection.key, {"userName": f"u{n}"}, True) for n in range(120)]
    members = [{"value": user.id} for user in users]
    for number in range(100):
        body = {"displayName": "App Admins" if number == 50 else f"g{number:02}", "members": members}
        assert (await provider.post("/Groups", json=body)).status_code == 201
    shown = (await application.get("/Users", params={"count": 1000})).json()["Resources"]
    assert [user["userName"] for user in shown] == [f"u{n}" for n in range(120)]
    assert {len(user["groups"]) for user in shown} == {100}
    assert {tuple(role["value"] for role in user[EFFECTIVE]["roles"]) for user in shown} == {("admin", "viewer")}
