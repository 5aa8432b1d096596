"""Pages by index are what counting from the start gives, whatever was asked before, changes meanwhile, or answers."""

import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from tests.support.serving import EFFECTIVE, Connection, bundle_of, client_of

ALL = 1000


@pytest.fixture
async def other(server: Server, database_url: str, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    """The provider's connection to a second replica."""
    async with Server(ServerSettings(database=database_url, port=0, management_port=None)) as replica:
        await replica.intake.offer(bundle_of(connection), "test")
        async with client_of(replica.url, connection) as client:
            yield client


async def add_users(client: httpx.AsyncClient, *names: str) -> list[str]:
    ids = []
    for name in names:
        answer = await client.post("/Users", json={"userName": name, "title": "x"})
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    return ids


async def page_of(client: httpx.AsyncClient, start: int, count: int, **asked: Any) -> tuple[list[str], int]:
    answer = await client.get("/Users", params={"startIndex": start, "count": count, **asked})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return [user["userName"] for user in page["Resources"]], page["totalResults"]


LISTS: tuple[dict[str, Any], ...] = (
    {},
    {"sortBy": "userName"},
    {"sortBy": "title", "sortOrder": "descending"},
    {"filter": 'title eq "x"'},
    {"filter": f'{EFFECTIVE}:roles.value eq "viewer"', "sortBy": "userName"},
    {"filter": f'{EFFECTIVE}:state eq "active"'},
)


@pytest.mark.parametrize("seed", range(3))
async def test_any_page_at_any_time_on_any_replica(
    provider: httpx.AsyncClient, other: httpx.AsyncClient, seed: int
) -> None:
    chance = random.Random(seed)
    ids = await add_users(provider, *(f"m{number:02}" for number in range(12)))
    for number in range(90):
        match chance.choice(("page", "page", "page", "page", "add", "delete", "change")):
            case "page":
                asked, client = chance.choice(LISTS), chance.choice((provider, other))
                everybody, _ = await page_of(client, 1, ALL, **asked)  # which nothing that is remembered is used for
                start, count = chance.randint(1, len(everybody) + 2), chance.randint(0, 5)
                assert await page_of(client, start, count, **asked) == (
                    everybody[start - 1 : start - 1 + count],
                    len(everybody),
                )
            case "add":
                ids += await add_users(provider, f"{chance.choice('az')}{number}")
            case "delete":
                path = f"/Users/{ids.pop(chance.randrange(len(ids)))}"
                assert (await provider.delete(path)).status_code == 204
            case "change":
                attribute, value = chance.choice(
                    (("title", "x"), ("title", "y"), ("active", False), ("active", True))
                )
                answer = await provider.patch(
                    f"/Users/{chance.choice(ids)}",
                    json={"Operations": [{"op": "replace", "path": attribute, "value": value}]},
                )
                assert answer.status_code == 200, answer.text


async def test_a_second_walk_on_other_replicas_sees_what_came_before_it(
    provider: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    names = [f"m{number}" for number in range(9)]
    await add_users(provider, *names)
    by_name = {"sortBy": "userName"}
    for start in (1, 4, 7):
        await page_of(provider, start, 3, **by_name)
    await add_users(provider, "a1", "a2")
    pages = [
        await page_of(client, start, 3, **by_name)
        for client, start in ((other, 1), (provider, 4), (provider, 7), (other, 10))
    ]
    assert [name for page, _ in pages for name in page] == ["a1", "a2", *names]


async def test_a_look_at_the_first_page_changes_nothing_for_others(provider: httpx.AsyncClient) -> None:
    names = [f"m{number}" for number in range(9)]
    await add_users(provider, *names)
    walked: list[str] = []
    while len(walked) < len(names):
        walked += (await page_of(provider, len(walked) + 1, 2))[0]
        assert (await page_of(provider, 1, 1))[0] == names[:1]
    assert walked == names


async def test_deletions_shift_what_follows(provider: httpx.AsyncClient) -> None:
    ids = await add_users(provider, "a", "b", "c", "d", "e")
    assert (await page_of(provider, 1, 2))[0] == ["a", "b"]
    assert (await page_of(provider, 3, 2))[0] == ["c", "d"]
    await provider.delete(f"/Users/{ids[0]}")
    assert await page_of(provider, 3, 2) == (["d", "e"], 4)


async def test_search_of_all_types_goes_on_with_groups_where_users_end(
    provider: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    ids = await add_users(provider, *(f"u{number}" for number in range(7)))
    for number in range(5):
        await provider.post("/Groups", json={"displayName": f"g{number}"})

    async def page(client: httpx.AsyncClient, start: int, count: int) -> list[str]:
        answer = await client.post("/.search", json={"startIndex": start, "count": count})
        return [each.get("userName") or each["displayName"] for each in answer.json()["Resources"]]

    everything = [f"u{number}" for number in range(7)] + [f"g{number}" for number in range(5)]
    chance = random.Random(4)
    for _ in range(4):
        walked: list[str] = []
        while len(walked) < len(everything):
            walked += await page(chance.choice((provider, other)), len(walked) + 1, 3)
        assert walked == everything
        await provider.delete(f"/Users/{ids.pop(0)}")
        everything.pop(0)
