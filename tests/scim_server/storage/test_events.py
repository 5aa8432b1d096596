"""provisioning.md, "Events for applications": one event for each real change, in an order that nothing joins late."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import pytest

from scim_server.clock import utc_now
from scim_server.provisioning.cause import BY_MAPPING
from scim_server.provisioning.events import EventType, with_identity
from scim_server.storage.policies import Policies
from scim_server.storage.postgres.session import PostgresSession
from scim_server.storage.session import Transaction
from scim_server.storage.tables import recorded
from scim_server.storage.tables.events import NewEvent
from scim_server.storage.tables.recorded import Recorded
from tests.scim_server.storage.steps import Steps, named, rules

RULES = rules((named("Admins"), ["admin"]), (named("Ops"), ["admin"]), base=["viewer"])


async def _events(steps: Steps, after: int = 0) -> list[dict[str, Any]]:
    stored = await steps.storage.read(steps.tenant, lambda reader: reader.events_after(after, 100))
    return [orjson.loads(with_identity(one.id, one.position, one.payload)) for one in stored]


def _roles(event: dict[str, Any], key: str) -> list[str]:
    return [role["value"] for role in event[key]]


async def test_each_change_is_one_event_with_the_whole_user_after_it(steps: Steps) -> None:
    await steps.put_rules(RULES, 1)
    ann = await steps.add_user("ann", externalId="1")
    group = await steps.add_group("Admins", [ann], externalId="g")
    second = await steps.add_group("Ops", [ann])  # a reason more for a role that she has
    await steps.update_user(ann, title="Boss")
    await steps.update_user(ann, title="Boss")
    await steps.update_user(ann, active=False)
    await steps.update_user(ann, active=True)
    await steps.change_members(group, remove=[ann])
    await steps.change_members(second, remove=[ann])
    await steps.update_group(group, displayName="Others")
    await steps.delete_user(ann)
    await steps.delete_group(group)
    events = await _events(steps)
    assert [event["type"] for event in events] == [
        "user.created",
        "group.created", "group.members_changed", "user.roles_changed",
        "group.created", "group.members_changed",
        "user.updated",
        "user.deactivated",
        "user.reactivated",
        "group.members_changed",
        "group.members_changed", "user.roles_changed",
        "group.updated",
        "user.deleted",
        "group.deleted",
    ]  # fmt: skip
    assert [event["sequence"] for event in events] == sorted({event["sequence"] for event in events})
    assert len({event["id"] for event in events}) == len(events)
    created, gained = events[0], events[3]
    assert created["user"] | {"roles": _roles(created["user"], "roles")} == {
        "id": ann, "userName": "ann", "externalId": "1", "state": "active", "permissions": [], "roles": ["viewer"],
        "profile": created["user"]["profile"],
    }  # fmt: skip
    assert _roles(created, "added") == ["viewer"]
    assert _roles(gained["user"], "roles") == ["admin", "viewer"]
    assert (_roles(gained, "added"), _roles(gained, "removed")) == (["admin"], [])
    deactivated, reactivated, lost, deleted = events[7], events[8], events[11], events[13]
    assert (_roles(deactivated["user"], "roles"), _roles(deactivated, "removed")) == ([], ["admin", "viewer"])
    assert _roles(reactivated, "added") == ["admin", "viewer"]
    assert (_roles(lost["user"], "roles"), _roles(lost, "removed")) == (["viewer"], ["admin"])
    assert (deleted["user"]["state"], deleted["user"]["roles"]) == ("deactivated", [])
    members = events[2]
    assert members["group"] == {"id": group, "displayName": "Admins", "externalId": "g"}
    assert (members["added"], members["addedCount"], members["removed"], members["removedCount"]) == ([ann], 1, [], 0)


async def test_a_change_that_is_undone_is_no_event(steps: Steps) -> None:
    async def work(writer: Any) -> None:
        await writer.insert_user({"userName": "ann", "active": True}, True)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await steps.storage.write(steps.tenant, work)
    assert await _events(steps) == []


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _append(connection: Any, tenant: str) -> None:
    """In the transaction of the connection."""
    tx = Transaction(PostgresSession(connection, tenant), utc_now, Policies(), BY_MAPPING, exclusive=False)
    event = NewEvent(EventType.USER_UPDATED, b'{"type":"user.updated"}', str(uuid.uuid4()))
    async with asyncio.timeout(30):
        await recorded.write(tx, Recorded(events=[event]))


@pytest.mark.databases("postgresql")  # SQLite has one writer
async def test_no_event_is_skipped_that_is_committed_late(steps: Steps, url: str) -> None:
    """A reader waits for those who drew a lower position and still write, of its own tenant alone."""
    other = Steps(steps.storage, f"{steps.tenant}-other")
    await steps.add_user("ann")
    async with connected(url) as slow, slow.transaction():
        await _append(slow, steps.tenant)
        await steps.add_user("bob")
        await other.add_user("elsewhere")
        seen = await _events(steps)
        assert [event["type"] for event in seen] == ["user.created"]
        assert len(await _events(other)) == 1
    rest = await _events(steps, seen[-1]["sequence"])
    assert [event["type"] for event in rest] == ["user.updated", "user.created"]


@pytest.mark.databases("postgresql")
async def test_writers_do_not_wait_for_each_other(steps: Steps, url: str) -> None:
    async with connected(url) as first, connected(url) as second, first.transaction(), second.transaction():
        for connection in (first, second):
            await _append(connection, steps.tenant)
