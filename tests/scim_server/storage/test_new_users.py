"""`Storage.insert_user` does what `Writer.insert_user` does, by another way where it can."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.provisioning.roles import Reason
from scim_server.storage.effects import Effect, FirstRoles, RolesChanged, UserCreated
from scim_server.storage.errors import UserNameTaken
from scim_server.storage.protocol import Storage
from scim_server.storage.records import Document, RoleChange, UserRecord
from tests.scim_server.storage.raw_sql import fetch, tables_of_tenants
from tests.scim_server.storage.steps import Steps, rules
from tests.support.policies import policy_of
from tests.support.storages import SetClock, open_storage, writing

ANN: Document = {
    "userName": "Ann@Example.com",
    "externalId": "00u1",
    "displayName": "Ann Ö.",
    "active": True,
    "emails": [{"value": "ann@example.com"}, {"value": "Second@Example.com"}],
}
RULES = policy_of([], ["viewer", "Zoo"], ["guest", "viewer"], timedelta(hours=1))


_ALIKE = {"events": "type, time, user_id, group_id, payload"}
"""Columns that are alike; all of other tables."""


async def _rows(url: str, user: UserRecord, tenant: str) -> dict[str, list[str]]:
    """All rows of the tenant, without what tells it from others."""
    found = {}
    for table in await tables_of_tenants(url):
        columns = _ALIKE.get(table, "*")
        rows = await fetch(url, f"SELECT {columns} FROM {table} WHERE tenant = '{tenant}'")
        found[table] = sorted(repr(row).replace(tenant, "TENANT").replace(user.id, "ID") for row in rows)
    return found


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("document", [{"userName": "bare", "active": True}, ANN], ids=["bare", "full"])
async def test_both_ways_leave_equal_rows(url: str, document: Document, active: bool) -> None:
    document = {**document, "active": active}
    clock = SetClock(datetime(2026, 1, 1, tzinfo=UTC))
    storage = open_storage(url, clock)
    await storage.open()
    general, other = (Steps(storage, f"acme/{uuid.uuid4()}") for _ in range(2))
    for steps in (general, other):
        await steps.put_rules(RULES, 1)
    written = await storage.write(general.tenant, lambda writer: writer.insert_user(document, active))
    inserted = await storage.insert_user(other.tenant, document, active)
    rows = await _rows(url, written, general.tenant)
    assert rows == await _rows(url, inserted, other.tenant)
    assert len(rows["users"]) == 1
    assert len(rows["user_roles"]) == (3 if active else 0)
    await storage.close()


async def test_what_it_tells_is_what_was_done(steps: Steps) -> None:
    """Also where the rules changed since the storage last looked."""
    told: list[list[Effect]] = []
    steps.storage.subscribe(lambda tenant, effects: told.append(effects.all))
    for revision, names in enumerate((["viewer"], ["Zoo", "viewer"], [])):
        await steps.put_rules(rules(base=names), revision + 1)
        for user in range(2):
            told.clear()
            document = {"userName": f"user-{revision}-{user}", "active": True}
            inserted = await steps.storage.insert_user(steps.tenant, document, True)
            reasons = {name: (Reason(source="base", since=inserted.created),) for name in names}
            gained = RolesChanged((RoleChange(inserted.id, reasons, {}),), FirstRoles())
            assert told == [[UserCreated(inserted), *([gained] if names else [])]]
            assert await steps.user(inserted.id) == inserted
            assert await steps.roles(inserted.id) == {*names}


async def test_a_taken_name_is_told_with_its_holder(steps: Steps) -> None:
    ann = await steps.storage.insert_user(steps.tenant, ANN, True)
    with pytest.raises(UserNameTaken) as taken:
        await steps.storage.insert_user(steps.tenant, {**ANN, "userName": "ANN@EXAMPLE.COM"}, True)
    assert taken.value.existing_id == ann.id


async def test_it_waits_for_rules_that_are_being_stored_and_has_their_roles(steps: Steps, storage: Storage) -> None:
    await steps.put_rules(rules(base=["old"]), 1)
    await storage.insert_user(steps.tenant, ANN, True)  # so that the storage has seen the old role
    async with writing(
        storage, steps.tenant, lambda writer: writer.put_rules(rules(base=["new"]), 2), exclusive=True
    ) as end:
        inserting = asyncio.create_task(storage.insert_user(steps.tenant, {"userName": "bob", "active": True}, True))
        done, _ = await asyncio.wait([inserting], timeout=0.1)
        assert not done
        await end()
        bob = await inserting
    assert await steps.roles(bob.id) == {"new"}
