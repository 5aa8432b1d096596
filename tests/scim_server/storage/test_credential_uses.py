"""When credentials were used last, as several replicas note it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.storage.protocol import Storage
from tests.support.storages import open_storage

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")

NOW = datetime(2026, 11, 1, 12, 0, 0, 250_000, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=5)


async def test_the_latest_of_what_is_noted_stays(storage: Storage, tenant: str) -> None:
    other = f"{tenant}-other"
    await storage.note_uses({(tenant, "one"): NOW, (tenant, "two"): BEFORE, (other, "one"): BEFORE})
    await storage.note_uses({(tenant, "one"): BEFORE, (tenant, "two"): NOW})
    found = await storage.uses()
    assert [found[tenant, "one"], found[tenant, "two"], found[other, "one"]] == [NOW, NOW, BEFORE]


async def test_replicas_that_write_at_once_do_not_get_in_each_others_way(storage: Storage, tenant: str) -> None:
    names = [f"{number}" for number in range(20)]
    notes = [{(tenant, name): NOW + timedelta(seconds=at) for name in names[:: (-1) ** at]} for at in range(20)]
    await asyncio.gather(*(storage.note_uses(note) for note in notes))
    found = await storage.uses()
    assert {found[tenant, name] for name in names} == {NOW + timedelta(seconds=19)}


async def test_another_replica_and_a_restart_know_it(fresh_url: str) -> None:
    for known in ({}, {("acme/okta", "one"): NOW}):
        storage = open_storage(fresh_url)
        await storage.open()
        assert await storage.uses() == known
        await storage.note_uses({("acme/okta", "one"): NOW})
        await storage.close()
