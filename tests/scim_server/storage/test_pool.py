"""PostgreSQL's connections: used again, replaced when they are gone, closed when nobody needs them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.postgres.pool import Pool
from scim_server.storage.protocol import NullObserver
from scim_server.storage.records import PoolUsage


def _pool(dsn: str, idle_seconds: float = 300.0) -> Pool:
    async def connect(seconds: float) -> asyncpg.Connection:
        return await asyncpg.connect(dsn, timeout=seconds)

    return Pool(connect, 3, NullObserver(), idle_seconds)


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    made = _pool(postgres_dsn)
    yield made
    await made.close()


async def _backend(pool: Pool) -> int:
    async with pool.connection(5) as connection:
        backend: int = await connection.fetchval("SELECT pg_backend_pid()")
    return backend


async def _backends_at_once(pool: Pool, count: int) -> set[int]:
    all_have_one = asyncio.Barrier(count)

    async def use(tenant: str) -> int:
        async with pool.connection(5, tenant) as connection:
            await all_have_one.wait()
            backend: int = await connection.fetchval("SELECT pg_backend_pid()")
        return backend

    return {*await asyncio.gather(*(use(f"acme/{number}") for number in range(count)))}


async def test_one_after_the_other_use_the_same_connection(pool: Pool) -> None:
    assert len({await _backend(pool) for _ in range(5)}) == 1
    assert pool.usage() == PoolUsage(limit=3, opened=1, in_use=0, waiting=0)


async def test_those_at_once_have_one_each_and_the_rest_wait(pool: Pool) -> None:
    assert len(await _backends_at_once(pool, 3)) == 3
    backends = await asyncio.gather(*(_backend(pool) for _ in range(20)))
    assert len({*backends}) <= 3
    assert pool.usage() == PoolUsage(limit=3, opened=3, in_use=0, waiting=0)


async def test_a_connection_that_is_gone_is_replaced(pool: Pool) -> None:
    gone = await _backend(pool)
    with pytest.raises(StorageUnavailable):
        async with pool.connection(5) as connection:
            await connection.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
    assert pool.usage().opened == 0
    assert await _backend(pool) != gone


async def test_connections_that_nobody_needed_are_closed(postgres_dsn: str) -> None:
    pool = _pool(postgres_dsn, idle_seconds=0.0)
    before = await _backends_at_once(pool, 3)
    assert await _backend(pool) not in before
    assert pool.usage().opened == 1
    await pool.close()
    assert pool.usage().opened == 0


@pytest.mark.parametrize("given_up", [False, True])
async def test_a_transaction_that_fails_leaves_nothing_behind(pool: Pool, given_up: bool) -> None:
    async def fail() -> None:
        async with pool.connection(5) as connection:
            await connection.execute("BEGIN; CREATE TABLE left_behind (); SELECT pg_advisory_xact_lock(4711)")
            if given_up:
                await connection.execute("SELECT pg_sleep(60)")
            raise LookupError

    async def sleeps() -> Any:
        async with pool.connection(5) as connection:
            return await connection.fetchval(
                "SELECT count(*) > 0 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
            )

    failing = asyncio.create_task(fail())
    if given_up:
        while not await sleeps():
            pass
        failing.cancel()
    with pytest.raises(asyncio.CancelledError if given_up else LookupError):
        await failing
    async with pool.connection(5) as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT to_regclass('left_behind')") is None
        assert await connection.fetchval("SELECT pg_try_advisory_lock(4711)")


async def test_who_gives_up_waiting_takes_nothing(pool: Pool) -> None:
    async with pool.connection(5, "a/a"), pool.connection(5, "a/b"), pool.connection(5, "a/c"):
        waiting = [asyncio.create_task(_backend(pool)) for _ in range(5)]
        await asyncio.sleep(0)
        assert pool.usage().waiting == 5
        for task in waiting[::2]:
            task.cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in ended] == [True, False, True, False, True]
    assert pool.usage() == PoolUsage(limit=3, opened=3, in_use=0, waiting=0)
    assert len(await _backends_at_once(pool, 3)) == 3


async def test_a_connection_that_cannot_be_opened_leaves_room(postgres_dsn: str) -> None:
    failures = [OSError(), TimeoutError()]

    async def connect(seconds: float) -> asyncpg.Connection:
        if failures:
            raise failures.pop()
        return await asyncpg.connect(postgres_dsn, timeout=seconds)

    pool = Pool(connect, 1, NullObserver())
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await _backend(pool)
    await _backend(pool)
    assert pool.usage() == PoolUsage(limit=1, opened=1, in_use=0, waiting=0)
    await pool.close()
