"""Tenants whose ProvisioningConfig was deleted: kept, erased, and found again by another one of their name."""

import sqlite3
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from scim_server.provisioning.roles import HeldGrant
from scim_server.storage.ids import FIRST_ID
from scim_server.storage.protocol import Writer
from scim_server.storage.records import TenantCounts
from scim_server.storage.tables.captures import Capture
from scim_server.storage.tables.departures import TENANT_TABLES
from scim_server.storage.urls import sqlite_path
from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.causes import REQUESTED
from tests.support.storages import open_storage

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")

RULES = rules((named("Admins"), ["admin"]), ("true", ["staff"]), base=["viewer"], protected=["held"])
KEPT, AT_ONCE = timedelta(days=90), timedelta(0)
NOT_DATA = {
    "schema_migrations": "of the database",
    "tenants": "its row says which revision was the last",
    "totals": "its sums must never begin again",
}
FOLLOWING = {"user_provider_roles": "of SQLite, kept by triggers of users"}


async def put(steps: Steps, revision: int, uid: str | None = None) -> bool:
    async def work(writer: Writer) -> bool:
        return await writer.put_rules(RULES, revision, uid)

    stored = await steps.storage.write(steps.tenant, work, exclusive=True)
    await steps.work_off()
    return stored


async def depart(steps: Steps, keep: timedelta, revision: int) -> bool:
    return await steps.storage.write(steps.tenant, lambda writer: writer.depart(keep, revision), exclusive=True)


async def erase(steps: Steps, limit: int = 5000) -> int:
    """How many batches it took."""
    batches = 0
    while await steps.storage.write(steps.tenant, lambda writer: writer.erase_some(limit), exclusive=True):
        batches += 1
    return batches


async def counts(steps: Steps) -> TenantCounts:
    return await steps.storage.read(steps.tenant, lambda reader: reader.counts())


async def fill(steps: Steps) -> None:
    """Four users with roles, one of them through a group in a group."""
    await put(steps, 1, "first")
    ann, bob, _ = await steps.add_users("ann", "bob", "cid")
    await steps.insert_user({"userName": "dee", "active": True, "emails": [{"value": "dee@acme.com"}]})
    inner = await steps.add_group("Inner", [ann])
    await steps.add_group("Admins", [bob, inner])
    await steps.delete_user(await steps.add_user("eve"))
    await steps.storage.write(steps.tenant, lambda writer: writer.lock_user(ann), REQUESTED)
    await steps.deliver_again("crm")
    await steps.storage.keep_captures(steps.tenant, [Capture(str(uuid.uuid4()), datetime.now(UTC), "{}")])
    held = [HeldGrant("admin", "acme/roles", "r0", group_id=inner)]
    await steps.storage.write(steps.tenant, lambda writer: writer.hold_grants("h1", held), exclusive=True)
    await steps.work_off()


async def rows_by_table(url: str, tenant: str) -> dict[str, int]:
    """Of every table in the database that knows tenants, and of those that don't."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url))
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        tables = [name for (name,) in connection.execute(names)]
        found = {}
        for table in tables:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            query = f"SELECT count(*) FROM {table} WHERE tenant = ?"
            found[table] = connection.execute(query, (tenant,)).fetchone()[0] if "tenant" in columns else 0
        connection.close()
        return found
    session = await asyncpg.connect(url)
    tables = [
        row["tablename"] for row in await session.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    found = {}
    for table in tables:
        with_tenant = f"SELECT count(*) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attname = 'tenant'"
        query = f"SELECT count(*) FROM {table} WHERE tenant = $1"
        found[table] = await session.fetchval(query, tenant) if await session.fetchval(with_tenant) else 0
    await session.close()
    return found


async def test_the_users_of_a_deleted_tenant_are_kept(steps: Steps) -> None:
    await fill(steps)
    assert await depart(steps, KEPT, 2)
    assert (await counts(steps)).departed
    assert await erase(steps) == 0
    assert steps.tenant not in await steps.storage.tenants_to_erase()
    assert (await counts(steps)).active == 4


async def test_another_of_that_name_finds_them_and_is_told(steps: Steps) -> None:
    await fill(steps)
    await depart(steps, KEPT, 2)
    assert await steps.storage.read(steps.tenant, lambda reader: reader.rules_version()) is None

    assert await steps.storage.raise_revisions({steps.tenant: RULES.fingerprint}, 3) == [steps.tenant]
    assert await put(steps, 3, "second")

    found = await counts(steps)
    assert not found.departed
    assert found.former_users is not None
    assert found.former_users.count == 4
    await steps.add_user("eve")
    assert (await counts(steps)).former_users == found.former_users


async def test_the_same_again_has_no_former_users(steps: Steps) -> None:
    await fill(steps)
    assert await steps.storage.raise_revisions({steps.tenant: RULES.fingerprint}, 2, {steps.tenant: "first"}) == []
    assert (await counts(steps)).former_users is None


async def test_another_object_of_that_name_is_noticed_without_a_deletion(steps: Steps) -> None:
    await fill(steps)
    await steps.storage.note_uses({(steps.tenant, "okta"): datetime.now(UTC)})
    uids = {steps.tenant: "second"}
    assert await steps.storage.raise_revisions({steps.tenant: RULES.fingerprint}, 2, uids) == [steps.tenant]
    await put(steps, 2, "second")
    former = (await counts(steps)).former_users
    assert former is not None
    assert former.count == 4
    assert (steps.tenant, "okta") not in await steps.storage.uses()  # the new one's okta was never used


async def test_a_tenant_from_before_uids_isnt_another_one(steps: Steps) -> None:
    await put(steps, 1)
    await steps.add_user("ann")
    await put(steps, 2, "first")
    assert (await counts(steps)).former_users is None
    await put(steps, 3, "second")
    assert (await counts(steps)).former_users is not None


@pytest.mark.parametrize("limit", [1, 3, 5000])
async def test_nothing_is_left_of_what_is_erased(steps: Steps, url: str, limit: int) -> None:
    await fill(steps)
    digest = b"assertion"
    await steps.storage.use_assertion(steps.tenant, digest, datetime.now(UTC) + timedelta(hours=1))
    await steps.storage.note_uses(
        {(steps.tenant, "one"): datetime.now(UTC), (steps.tenant, "two"): datetime.now(UTC)}
    )
    bystander = Steps(steps.storage, f"{steps.tenant}-bystander")
    await fill(bystander)
    for each in (steps, bystander):
        held = await each.add_user("held")
        await each.add_group("Held", [held])
        await each.delete_user(held)
        walk = f"'{each.tenant}', '{FIRST_ID}', '{FIRST_ID}'"
        await execute(url, f"INSERT INTO pending_profiles (tenant, walk, after) VALUES ({walk})")
    untouched = await rows_by_table(url, bystander.tenant)
    before = await rows_by_table(url, steps.tenant)
    assert set(before) - set(FOLLOWING) == set(TENANT_TABLES) | set(NOT_DATA)
    assert {table for table in TENANT_TABLES if not before[table]} <= {"pending_users"}

    await depart(steps, AT_ONCE, 2)
    assert steps.tenant in await steps.storage.tenants_to_erase()
    batches = await erase(steps, limit)

    assert batches > 1 or limit > 20
    after = await rows_by_table(url, steps.tenant)
    assert {table for table, rows in after.items() if rows} <= set(NOT_DATA)
    assert (await counts(steps)).active == 0
    assert await rows_by_table(url, bystander.tenant) == untouched


async def test_what_a_late_replica_writes_is_erased_too(steps: Steps) -> None:
    await fill(steps)
    await depart(steps, AT_ONCE, 2)
    await erase(steps)
    await steps.add_user("late")
    assert steps.tenant in await steps.storage.tenants_to_erase()
    assert await erase(steps) == 1
    assert (await counts(steps)).active == 0


async def test_an_erased_tenant_is_left_alone_after_an_hour(fresh_url: str) -> None:
    storage = open_storage(fresh_url)
    await storage.open()
    steps = Steps(storage, "acme/okta")
    await fill(steps)
    await depart(steps, AT_ONCE, 2)
    await erase(steps)
    hour = "3600000000" if fresh_url.startswith("sqlite") else "interval '1 hour'"
    await execute(fresh_url, f"UPDATE tenants SET departed = departed - {hour}")
    assert await storage.tenants_to_erase() == ["acme/okta"]
    await erase(steps)
    assert await storage.tenants_to_erase() == []
    assert await storage.revisions() == {steps.tenant: 2}
    await storage.close()


async def test_nobody_finds_what_was_to_be_erased(steps: Steps) -> None:
    """Another one of that name comes before the erasure has begun, or in the middle of it."""
    for revision, batches in ((1, 0), (11, 1)):
        await put(steps, revision)
        await steps.add_users(*(f"{revision}-{number}" for number in range(10)))
        await depart(steps, AT_ONCE, revision + 1)
        for _ in range(batches):
            assert await steps.storage.write(steps.tenant, lambda writer: writer.erase_some(3), exclusive=True)
        await put(steps, revision + 2)
        found = await counts(steps)
        assert (found.active, found.former_users) == (0, None)


async def test_a_late_revision_neither_deletes_nor_brings_back(steps: Steps) -> None:
    await fill(steps)
    await put(steps, 5, "first")
    assert not await depart(steps, AT_ONCE, 4)
    assert not await depart(steps, AT_ONCE, 5)
    assert await depart(steps, KEPT, 6)
    assert not await depart(steps, AT_ONCE, 7)
    assert not await put(steps, 6, "second")
    assert (await counts(steps)).departed


async def test_a_tenant_that_was_never_seen_cant_depart(steps: Steps) -> None:
    assert not await depart(steps, AT_ONCE, 1)
    assert not (await counts(steps)).departed
