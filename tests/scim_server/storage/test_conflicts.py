"""Transactions that get in each other's way: who waits for whom, and how it ends."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.postgres.failures import translated_at_start
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import Query
from tests.scim_server.storage.steps import Steps, named_roles
from tests.support.locks import until_sessions_wait
from tests.support.policies import policy_of
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


async def test_pending_roles_of_a_user_who_is_held_wait_and_others_follow(storage: Storage) -> None:
    """Whoever deletes a user holds it, and then wants what is pending of it."""
    steps = Steps(storage, TENANT)
    ann, bob = await steps.add_users("ann", "bob")
    await steps.put_rules(policy_of((), ["viewer"], ()), 1, work_off=False)
    held, enough = asyncio.Event(), asyncio.Event()

    async def delete(writer: Writer) -> None:
        user = await writer.lock_user_with_groups(ann)
        assert user is not None
        held.set()
        await enough.wait()
        await writer.delete_user(user)

    deletion = asyncio.create_task(storage.write(TENANT, delete))
    await held.wait()
    async with asyncio.timeout(10):
        changes = await storage.write(TENANT, lambda writer: writer.recompute_some())
    assert changes is not None
    assert [named_roles(change) for change in changes] == [(bob, {"viewer"}, set())]
    rest = asyncio.create_task(steps.work_off())
    enough.set()
    await deletion
    assert await rest == []
    assert await storage.pending_tenants() == []


async def test_pending_roles_of_users_who_are_all_held_follow_after_that(storage: Storage, postgres_dsn: str) -> None:
    steps = Steps(storage, TENANT)
    (ann,) = await steps.add_users("ann")
    await steps.put_rules(policy_of((), ["viewer"], ()), 1, work_off=False)
    held, enough = asyncio.Event(), asyncio.Event()

    async def hold(writer: Writer) -> None:
        await writer.lock_user(ann)
        held.set()
        await enough.wait()

    holder = asyncio.create_task(storage.write(TENANT, hold))
    await held.wait()
    working = asyncio.create_task(steps.work_off())
    await until_sessions_wait(postgres_dsn, 1)  # for the tenant alone
    enough.set()
    await holder
    assert [change.user_id for change in await working] == [ann]


async def test_a_migration_that_gets_into_a_deadlock_is_tried_again() -> None:
    with pytest.raises(StorageUnavailable), translated_at_start():
        raise asyncpg.DeadlockDetectedError("deadlock detected")
