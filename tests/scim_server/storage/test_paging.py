"""Pages: every order walked page by page gives each resource once, and the total without counting."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from scim_server.scim.filter import parse
from scim_server.scim.path import resolve
from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from scim_server.storage.records import Counters, Page, Position, Query, UserRecord
from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")

PEOPLE: Sequence[dict[str, Any]] = (
    {"userName": "dora", "title": "b", "active": False},
    {"userName": "Ann", "title": "A", "emails": [{"value": "z@x"}, {"value": "a@x", "primary": True}]},
    {"userName": "bob", "emails": [{"value": "b@x"}]},
    {"userName": "eve", "title": "ä", "name": {"familyName": "Z"}},
    {"userName": "Carl", "title": "a", "name": {"familyName": "a"}},
    {"userName": "fay", "title": "b"},
    {"userName": "gus"},
)


async def _people(steps: Steps) -> None:
    for person in PEOPLE:
        active = person.get("active", True)
        await steps.insert_user({**person, "active": active}, active)


async def _page(steps: Steps, query: Query) -> Page[UserRecord]:
    return await steps.storage.read(steps.tenant, lambda reader: reader.users(query))


def _names(page: Page[UserRecord]) -> list[str]:
    return [record.document["userName"] for record in page.records]


async def _walk(steps: Steps, query: Query, count: int) -> list[str]:
    names: list[str] = []
    after: Position | None = None
    while True:
        page = await _page(steps, replace(query, count=count, after=after))
        names += _names(page)
        if page.end is None:
            return names
        after = page.end


SORTED = {
    "userName": ["Ann", "bob", "Carl", "dora", "eve", "fay", "gus"],
    "title": ["Ann", "Carl", "dora", "fay", "eve", "bob", "gus"],
    "name.familyName": ["Carl", "eve", "dora", "Ann", "bob", "fay", "gus"],
    "emails": ["Ann", "bob", "dora", "eve", "Carl", "fay", "gus"],
    "active": ["dora", "Ann", "bob", "eve", "Carl", "fay", "gus"],
    "meta.created": [person["userName"] for person in PEOPLE],
    "externalId": [person["userName"] for person in PEOPLE],
}


@pytest.mark.parametrize("sort_by", SORTED)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
async def test_an_ascending_walk(steps: Steps, sort_by: str, count: int) -> None:
    await _people(steps)
    query = Query(sort_by=resolve(sort_by, USER_TYPE))
    assert await _walk(steps, query, count) == SORTED[sort_by]


@pytest.mark.parametrize("sort_by", [*SORTED, "id", "meta.lastModified"])
@pytest.mark.parametrize("descending", [False, True])
async def test_a_walk_is_the_list_in_pieces(steps: Steps, sort_by: str, descending: bool) -> None:
    await _people(steps)
    query = Query(sort_by=resolve(sort_by, USER_TYPE), descending=descending)
    whole = _names(await _page(steps, query))
    assert sorted(whole) == sorted(SORTED["userName"])
    for count in (1, 2, 3):
        assert await _walk(steps, query, count) == whole


@pytest.mark.parametrize("sort_by", [None, *SORTED, "id", "meta.lastModified"])
@pytest.mark.parametrize("descending", [False, True])
async def test_a_walk_back_is_the_walk_reversed(steps: Steps, sort_by: str | None, descending: bool) -> None:
    await _people(steps)
    query = Query(sort_by=resolve(sort_by, USER_TYPE) if sort_by else None, descending=descending)
    whole = _names(await _page(steps, query))
    for count in (1, 2, 3):
        query = replace(query, count=count)
        page = await _page(steps, query)
        assert page.start is None
        forward = [_names(page)]
        while page.end is not None:
            page = await _page(steps, replace(query, after=page.end))
            forward.append(_names(page))
        back = [_names(page)]
        while page.start is not None:
            page = await _page(steps, replace(query, before=page.start))
            assert (page.end is not None, page.total) == (True, len(PEOPLE))
            back.append(_names(page))
        assert [name for names in forward for name in names] == whole
        assert back == forward[::-1]


async def test_the_page_before_a_place_is_the_nearest(steps: Steps) -> None:
    await _people(steps)
    names = [person["userName"] for person in PEOPLE]
    end = (await _page(steps, Query(count=5))).end
    assert end is not None
    for count, start in ((1, True), (3, True), (4, False), (7, False)):
        page = await _page(steps, Query(count=count, before=end))
        assert _names(page) == names[:4][-count:]
        assert (page.start is not None) is start


async def test_none_comes_first_when_descending(steps: Steps) -> None:
    await _people(steps)
    query = Query(sort_by=resolve("title", USER_TYPE), descending=True)
    assert _names(await _page(steps, query)) == ["bob", "gus", "eve", "dora", "fay", "Ann", "Carl"]


async def test_an_index_counts_from_the_place(steps: Steps) -> None:
    await _people(steps)
    names = [person["userName"] for person in PEOPLE]
    end = (await _page(steps, Query(count=2))).end
    assert end is not None
    for start in range(1, 8):
        page = await _page(steps, Query(count=2, start_index=start, after=end))
        assert _names(page) == names[2:][start - 1 : start + 1]
        assert page.total == len(PEOPLE)
        assert _names(await _page(steps, Query(count=3, start_index=start))) == names[start - 1 : start + 2]


async def test_a_place_outlives_its_resource(steps: Steps) -> None:
    ids = [await steps.add_user(f"user-{number}") for number in range(4)]
    end = (await _page(steps, Query(count=2))).end
    assert await steps.delete_user(ids[1])
    assert await steps.delete_user(ids[0])
    assert _names(await _page(steps, Query(count=10, after=end))) == ["user-2", "user-3"]


async def test_totals_follow_what_comes_and_goes(steps: Steps) -> None:
    async def totals() -> tuple[int | None, int | None]:
        users = await steps.storage.read(steps.tenant, lambda reader: reader.users(Query(count=0)))
        groups = await steps.storage.read(steps.tenant, lambda reader: reader.groups(Query(count=0)))
        return users.total, groups.total

    assert await totals() == (0, 0)
    ids = await steps.add_users("a", "b", "c")
    group = await steps.add_group("Staff", ids)
    assert await totals() == (3, 1)
    await steps.delete_user(ids[0])
    await steps.delete_user(ids[0])
    assert await totals() == (2, 1)
    await steps.delete_group(group)
    assert await totals() == (2, 0)


async def test_a_total_that_is_not_wanted_is_not_counted(steps: Steps) -> None:
    await _people(steps)
    query = Query(filter=parse("active eq true", USER_TYPE), count=2, wants_total=False)
    assert (await _page(steps, query)).total is None
    assert (await _page(steps, replace(query, wants_total=True))).total == len(PEOPLE) - 1


async def test_a_statement_about_several_tenants_counts_for_each(steps: Steps, url: str) -> None:
    tenants = [Steps(steps.storage, f"{steps.tenant}-{number}") for number in range(3)]
    for number, tenant in enumerate(tenants):
        await tenant.add_users(*(f"u{n}" for n in range(number + 1)))

    async def counters() -> list[Counters | None]:
        return [(await _page(tenant, Query(count=0))).counters for tenant in tenants]

    first, second, _ = (tenant.tenant for tenant in tenants)
    await execute(url, f"UPDATE users SET version = version + 1 WHERE tenant IN ('{first}', '{second}')")
    assert await counters() == [Counters(1, 0), Counters(2, 0), Counters(3, 0)]
    await execute(url, f"DELETE FROM users WHERE tenant IN ('{first}', '{second}')")
    assert await counters() == [Counters(1, 1), Counters(2, 2), Counters(3, 0)]


@pytest.mark.parametrize("sort_by", [None, "title"])
async def test_a_page_without_a_filter_has_the_counters(steps: Steps, sort_by: str | None) -> None:
    await _people(steps)
    first = (await _page(steps, Query(count=1))).records[0]
    await steps.delete_user(first.id)
    query = Query(sort_by=resolve(sort_by, USER_TYPE) if sort_by else None)
    for count, start_index in ((3, 1), (3, 5), (3, 100), (100, 1), (0, 1)):
        page = await _page(steps, replace(query, count=count, start_index=start_index))
        assert (page.counters, page.total) == (Counters(len(PEOPLE), 1), len(PEOPLE) - 1)


async def test_a_page_with_a_filter_has_no_counters(steps: Steps) -> None:
    await _people(steps)
    filter_ = parse("active eq true", USER_TYPE)
    for count in (0, 3, 100):
        assert (await _page(steps, Query(filter=filter_, count=count))).counters is None


async def test_groups_are_walked_too(steps: Steps) -> None:
    for name in ("b", "A", "c"):
        await steps.add_group(name)
    query = Query(sort_by=resolve("displayName", GROUP_TYPE), count=1)
    names: list[str] = []
    after: Position | None = None
    while True:
        page = await steps.groups(replace(query, after=after))
        names += [record.document["displayName"] for record in page.records]
        after = page.end
        if after is None:
            break
    assert names == ["A", "b", "c"]
