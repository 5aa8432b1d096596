"""Transactions that get in each other's way: who waits for whom, and how it ends."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import Query
from tests.scim_server.storage.steps import Steps
from tests.support.storages import open_storage

TENANT = "acme/okta"


@pytest.fixture
async def storage(postgres_dsn: str) -> AsyncIterator[Storage]:
    opened = open_storage(postgres_dsn)
    await opened.open()
    yield opened
    await opened.close()


@pytest.mark.parametrize("conflict", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
async def test_who_keeps_getting_into_conflicts_gets_the_tenant_alone(
    storage: Storage, conflict: type[Exception]
) -> None:
    async def work(writer: Writer) -> str:
        if not writer.exclusive:
            raise conflict
        return (await writer.insert_user({"userName": "ann", "active": True}, True)).id

    assert await Steps(storage, TENANT).user(await storage.write(TENANT, work)) is not None


async def test_conflicts_without_end_are_given_up(storage: Storage) -> None:
    attempts = 0

    async def work(writer: Writer) -> None:
        nonlocal attempts
        attempts += 1
        raise asyncpg.DeadlockDetectedError

    with pytest.raises(StorageUnavailable, match=f"in the way {10} times"):
        await storage.write(TENANT, work)
    assert attempts == 10


async def test_counting_waits_for_nobody(storage: Storage) -> None:
    """Or else two that count, and wait for each other's users, would be a deadlock."""
    steps = Steps(storage, TENANT)
    number = 6

    async def add(depth: int) -> None:
        async def work(writer: Writer) -> None:
            await writer.insert_group({"displayName": f"group {depth}"}, ())
            if depth < number:
                await add(depth + 1)

        await storage.write(TENANT, work)

    async with asyncio.timeout(30):
        await add(1)
        await add(number + 1)
    assert (await steps.groups(Query(count=0))).total == number + 1
