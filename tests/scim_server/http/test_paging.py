"""Pages over HTTP: by index, by cursor (RFC 9865), while others write."""

import base64
from typing import Any

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from scim_server.directory.cursors import LONGEST
from tests.support.serving import Connection, bundle_of, client_of


async def _users(provider: httpx.AsyncClient, count: int, first: int = 0) -> list[str]:
    names = [f"user-{number:02}" for number in range(first, first + count)]
    for name in names:
        answer = await provider.post("/Users", json={"userName": name, "title": name[-1]})
        assert answer.status_code == 201
    return names


async def _page(provider: httpx.AsyncClient, path: str = "/Users", **parameters: Any) -> dict[str, Any]:
    answer = await provider.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    assert page["itemsPerPage"] == len(page["Resources"])
    return page


def _names(page: dict[str, Any]) -> list[str]:
    return [user["userName"] for user in page["Resources"]]


async def _by_cursor(provider: httpx.AsyncClient, **parameters: Any) -> list[dict[str, Any]]:
    pages = [await _page(provider, cursor="", **parameters)]
    while "nextCursor" in pages[-1]:
        pages.append(await _page(provider, cursor=pages[-1]["nextCursor"], **parameters))
    return pages


async def test_all_pages_by_cursor(provider: httpx.AsyncClient) -> None:
    names = await _users(provider, 7)
    pages = await _by_cursor(provider, count=3)
    assert [_names(page) for page in pages] == [names[:3], names[3:6], names[6:]]
    assert all(page["totalResults"] == 7 and "startIndex" not in page for page in pages)


@pytest.mark.parametrize("order", [{}, {"sortBy": "title"}, {"sortBy": "title", "sortOrder": "descending"}])
async def test_back_by_cursor(provider: httpx.AsyncClient, order: dict[str, str]) -> None:
    await _users(provider, 7)
    pages = await _by_cursor(provider, count=3, **order)
    assert ["previousCursor" in page for page in pages] == [False, True, True]
    back = [pages[-1]]
    while "previousCursor" in back[-1]:
        back.append(await _page(provider, cursor=back[-1]["previousCursor"], count=3, **order))
    assert [_names(page) for page in back] == [_names(page) for page in pages[::-1]]
    again = await _page(provider, cursor=back[-1]["nextCursor"], count=3, **order)
    assert _names(again) == _names(pages[1])


async def test_what_precedes_is_gone(provider: httpx.AsyncClient) -> None:
    names = await _users(provider, 5)
    first, second, _ = await _by_cursor(provider, count=2)
    for user in first["Resources"]:
        await provider.delete(f"/Users/{user['id']}")
    page = await _page(provider, cursor=second["previousCursor"], count=2)
    assert _names(page) == names[2:4]
    assert "previousCursor" not in page
    assert _names(await _page(provider, cursor=page["nextCursor"], count=2)) == names[4:]


async def test_a_page_that_is_just_full_is_the_last(provider: httpx.AsyncClient) -> None:
    await _users(provider, 4)
    assert len(await _by_cursor(provider, count=2)) == 2


async def test_a_cursor_with_filter_and_order(provider: httpx.AsyncClient) -> None:
    names = await _users(provider, 12)
    parameters = {"count": 2, "filter": 'userName sw "user-0"', "sortBy": "title", "sortOrder": "descending"}
    pages = await _by_cursor(provider, **parameters)
    assert [name for page in pages for name in _names(page)] == names[:10][::-1]
    assert {page["totalResults"] for page in pages} == {10}


@pytest.mark.parametrize("letter", ["a", "\U0001f600", "\u0001"])
@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_cursors_fit_into_a_url(provider: httpx.AsyncClient, letter: str, order: str) -> None:
    """However long what is sorted by is: and nobody is left out or comes twice where only its end differs."""
    titles = [letter * 5 + "b", letter * 60_000 + "b", letter * 60_000 + "a", letter * 60_000, letter * 4 + "b"]
    for number, title in enumerate(titles):
        answer = await provider.post("/Users", json={"userName": f"user-{number}", "title": title})
        assert answer.status_code == 201
    parameters = {"sortBy": "title", "sortOrder": order, "attributes": "userName"}
    pages = await _by_cursor(provider, count=1, **parameters)
    for page in pages:
        assert all(len(page[name]) <= LONGEST for name in ("nextCursor", "previousCursor") if name in page)
    walked = [name for page in pages for name in _names(page)]
    by_index = [_names(await _page(provider, count=1, startIndex=1 + index, **parameters))[0] for index in range(5)]
    assert walked == by_index == _names(await _page(provider, **parameters))
    long = ["user-1", "user-2", "user-3"]
    long_come_first = (letter < "b") is (order == "ascending")
    assert walked == ([*long, "user-0", "user-4"] if long_come_first else ["user-4", "user-0", *long])


async def test_a_cursor_goes_on_while_others_write(provider: httpx.AsyncClient) -> None:
    names = await _users(provider, 5)
    first = await _page(provider, cursor="", count=2)
    for user in first["Resources"]:
        assert (await provider.delete(f"/Users/{user['id']}")).status_code == 204
    second = await _page(provider, cursor=first["nextCursor"], count=2)
    assert _names(second) == names[2:4]
    assert second["totalResults"] == 3


@pytest.mark.parametrize(
    ("parameters", "scim_type"),
    [
        ({"cursor": "nonsense"}, "invalidCursor"),
        ({"cursor": "é"}, "invalidCursor"),
        ({"cursor": "A" * 200_000}, "invalidCursor"),
        ({"cursor": "", "startIndex": 2}, "invalidCursor"),
        ({"cursor": "", "count": 0}, "invalidCount"),
        ({"cursor": "", "count": -1}, "invalidCount"),
        ({"cursor": "", "count": 1001}, "invalidCount"),
        ({"cursor": "", "count": "many"}, "invalidCount"),
    ],
)
async def test_what_is_refused(provider: httpx.AsyncClient, parameters: dict[str, Any], scim_type: str) -> None:
    answer = await provider.post("/Users/.search", json=parameters)
    assert answer.status_code == 400
    assert answer.json()["scimType"] == scim_type


async def test_a_cursor_belongs_to_its_list(
    server: Server, provider: httpx.AsyncClient, connection: Connection
) -> None:
    await _users(provider, 3)
    await provider.post("/Groups", json={"displayName": "Staff"})
    cursor: str = (await _page(provider, cursor="", count=1))["nextCursor"]
    sealed = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert not any(name in bytes(sealed) for name in (b"user-00", b"created"))
    sealed[-1] ^= 1
    changed = base64.urlsafe_b64encode(bytes(sealed)).decode().rstrip("=")
    refused = [
        ("/Users", {"cursor": changed}),
        ("/Users", {"cursor": cursor, "filter": "active eq true"}),
        ("/Users", {"cursor": cursor, "sortBy": "title"}),
        ("/Users", {"cursor": cursor, "sortOrder": "descending"}),
        ("/Groups", {"cursor": cursor}),
    ]
    for path, parameters in refused:
        answer = await provider.get(path, params=parameters)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor"), (path, parameters)
    other = Connection(key="acme/other")
    await server.intake.offer(bundle_of(connection, other, revision=2), "test")
    async with client_of(server.url, other) as stranger:
        answer = await stranger.get("/Users", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor")
    assert _names(await _page(provider, cursor=cursor, count=1)) == ["user-01"]


async def test_groups_by_cursor(provider: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await provider.post("/Groups", json={"displayName": name})
    first = await _page(provider, "/Groups", cursor="", count=2)
    second = await _page(provider, "/Groups", cursor=first["nextCursor"], count=2)
    assert [group["displayName"] for page in (first, second) for group in page["Resources"]] == ["a", "b", "c"]
    assert "nextCursor" not in second
    assert (await _page(provider, "/Groups", cursor=second["previousCursor"], count=2))["Resources"] == first[
        "Resources"
    ]


async def test_all_pages_by_index(provider: httpx.AsyncClient) -> None:
    names = await _users(provider, 7)
    for count in (1, 2, 3, 7):
        walked: list[str] = []
        while True:
            page = await _page(provider, startIndex=len(walked) + 1, count=count)
            assert page["totalResults"] == 7
            assert page["startIndex"] == len(walked) + 1
            if not page["Resources"]:
                break
            walked += _names(page)
        assert walked == names


@pytest.mark.parametrize("start", [5, 3, 1, 6, 2, 7, 4])
async def test_pages_in_any_order(provider: httpx.AsyncClient, start: int) -> None:
    names = await _users(provider, 7)
    await _page(provider, startIndex=1, count=2)
    await _page(provider, startIndex=3, count=2)
    assert _names(await _page(provider, startIndex=start, count=2)) == names[start - 1 : start + 1]


async def test_filtered_totals_follow_changes_during_a_walk(provider: httpx.AsyncClient) -> None:
    await _users(provider, 8)
    filtered: dict[str, Any] = {"filter": "active eq true", "count": 2}
    pages = [await _page(provider, startIndex=start, **filtered) for start in (1, 3, 5)]
    assert {page["totalResults"] for page in pages} == {8}
    user_id = pages[0]["Resources"][0]["id"]
    await provider.patch(
        f"/Users/{user_id}", json={"Operations": [{"op": "replace", "path": "active", "value": False}]}
    )
    assert (await _page(provider, startIndex=5, **filtered))["totalResults"] == 7


async def test_paging_is_announced(provider: httpx.AsyncClient) -> None:
    announced = (await provider.get("/ServiceProviderConfig")).json()
    assert announced["pagination"] == {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": 100,
        "maxPageSize": 1000,
        "cursorTimeout": 3600,
    }
    assert announced["sort"] == {"supported": True}


async def test_replicas_share_walks_and_cursors(
    server: Server, provider: httpx.AsyncClient, database_url: str, connection: Connection
) -> None:
    names = await _users(provider, 9)
    async with Server(ServerSettings(database=database_url, port=0, management_port=None)) as replica:
        await replica.intake.offer(bundle_of(connection), "test")
        async with client_of(replica.url, connection) as other:
            clients = [provider, other, other, provider, other]
            by_index = [await _page(clients[n], startIndex=2 * n + 1, count=2) for n in range(5)]
            assert [name for page in by_index for name in _names(page)] == names
            by_cursor: list[str] = []
            cursor = ""
            for client in clients:
                page = await _page(client, cursor=cursor, count=2)
                by_cursor += _names(page)
                cursor = page.get("nextCursor", "")
            assert by_cursor == names
