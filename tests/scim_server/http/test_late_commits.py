"""Lists and totals where changes are committed later than others that began after them, as PostgreSQL lets them."""

import asyncio

import httpx
import pytest

from scim_server.app import Server
from scim_server.storage.protocol import Writer
from tests.scim_server.http.test_walks import add_users, page_of
from tests.support.serving import Connection


@pytest.fixture
def database_url(postgres_dsn: str) -> str:
    return postgres_dsn


async def test_users_whose_creation_takes_long(
    server: Server, provider: httpx.AsyncClient, connection: Connection
) -> None:
    """They are committed later than those who were created after them, and come before them."""
    await add_users(provider, "a")
    began, may_end = asyncio.Event(), asyncio.Event()

    async def work(writer: Writer) -> None:
        await writer.insert_user({"userName": "late", "active": True}, True)
        began.set()
        await may_end.wait()

    late = asyncio.create_task(server.storage.write(connection.key, work))
    await began.wait()
    await add_users(provider, "b", "c", "d")
    for start in (1, 2, 3, 4):
        assert (await page_of(provider, start, 1))[0] == [["a"], ["b"], ["c"], ["d"]][start - 1]
    may_end.set()
    await late
    for start in (5, 4, 3, 2):
        assert await page_of(provider, start, 1) == ([["late"], ["b"], ["c"], ["d"]][start - 2], 5)


async def test_a_filtered_total_counts_changes_that_are_committed_late(
    server: Server, provider: httpx.AsyncClient, connection: Connection
) -> None:
    ids = await add_users(provider, "a", "b", "c", "d")
    changed, may_end = asyncio.Event(), asyncio.Event()

    async def work(writer: Writer) -> None:
        record = await writer.lock_user(ids[3])
        assert record is not None
        await writer.update_user(record, {**record.document, "title": "y"}, True)
        changed.set()
        await may_end.wait()

    late = asyncio.create_task(server.storage.write(connection.key, work))
    await changed.wait()
    await add_users(provider, "e")
    asked = {"filter": 'title eq "x"'}
    assert [await page_of(provider, start, 1, **asked) for start in (1, 2)] == [(["a"], 5), (["b"], 5)]
    may_end.set()
    await late
    assert [await page_of(provider, start, 1, **asked) for start in (3, 4)] == [(["c"], 4), (["e"], 4)]
