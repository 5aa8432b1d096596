"""`modified` never goes back, whatever replicas' clocks say and however long a change waited for another one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import asyncpg
import pytest

from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps
from tests.support.locks import until_sessions_wait
from tests.support.storages import open_storage

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")


async def _an_hour_ahead(url: str, table: str, resource_id: str) -> None:
    """As a replica leaves a resource whose clock is an hour fast."""
    later = "modified + 3600000000" if url.startswith("sqlite") else "modified + interval '1 hour'"
    await execute(url, f"UPDATE {table} SET modified = {later} WHERE id = '{resource_id}'")


async def _user_modified(steps: Steps, user_id: str) -> tuple[int, datetime]:
    user = await steps.user(user_id)
    assert user is not None
    return user.version, user.modified


async def _group_modified(steps: Steps, group_id: str) -> tuple[int, datetime]:
    group = await steps.group(group_id)
    assert group is not None
    return group.version, group.modified


async def test_of_a_user(url: str, steps: Steps) -> None:
    ann = await steps.add_user("ann")
    await _an_hour_ahead(url, "users", ann)
    before = await _user_modified(steps, ann)
    answered = await steps.update_user(ann, active=False)
    after = await _user_modified(steps, ann)
    assert after > before
    assert after[1] > before[1]
    assert answered.modified == answered.blocked_at == after[1]


async def _rename(steps: Steps, group: str, member: str, child: str) -> None:
    await steps.update_group(group, displayName="Other")


async def _remove_a_member(steps: Steps, group: str, member: str, child: str) -> None:
    await steps.change_members(group, remove=[member])


async def _delete_a_member(steps: Steps, group: str, member: str, child: str) -> None:
    await steps.delete_user(member)


async def _delete_a_member_group(steps: Steps, group: str, member: str, child: str) -> None:
    await steps.delete_group(child)


@pytest.mark.parametrize("change", [_rename, _remove_a_member, _delete_a_member, _delete_a_member_group])
async def test_of_a_group(url: str, steps: Steps, change: Callable[[Steps, str, str, str], Awaitable[None]]) -> None:
    ann = await steps.add_user("ann")
    child = await steps.add_group("Child")
    group = await steps.add_group("Staff", [ann, child])
    await _an_hour_ahead(url, "groups", group)
    before = await _group_modified(steps, group)
    await change(steps, group, ann, child)
    after = await _group_modified(steps, group)
    assert after[0] == before[0] + 1
    assert after[1] > before[1]


async def test_a_change_that_waited_is_later_than_what_it_waited_for(postgres_dsn: str) -> None:
    """Whoever asks for what changed since then must find it."""
    storage = open_storage(postgres_dsn)
    await storage.open()
    steps = Steps(storage, "acme/okta")
    ann = await steps.add_user("ann")
    other = await asyncpg.connect(postgres_dsn)
    async with other.transaction():
        await other.execute("SELECT FROM users FOR UPDATE")
        change = asyncio.create_task(steps.update_user(ann, title="x"))
        await until_sessions_wait(postgres_dsn, 1)
        bob = await steps.insert_user({"userName": "bob", "active": True})
    assert (await change).modified > bob.modified
    await other.close()
    await storage.close()
