"""Assertions count once, for each tenant, at all replicas."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.storage.protocol import Storage
from tests.support.storages import open_storage

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")

ONE, OTHER = b"1" * 32, b"2" * 32


def later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


async def test_an_assertion_counts_once(storage: Storage, tenant: str) -> None:
    assert await storage.use_assertion(tenant, ONE, later())
    assert not await storage.use_assertion(tenant, ONE, later())
    assert await storage.use_assertion(tenant, OTHER, later())
    assert await storage.use_assertion(f"{tenant}-other", ONE, later())


async def test_of_many_at_once_one_is_the_first(storage: Storage, tenant: str) -> None:
    uses = await asyncio.gather(*(storage.use_assertion(tenant, ONE, later()) for _ in range(20)))
    assert sorted(uses) == [False] * 19 + [True]


async def test_what_has_expired_is_forgotten(storage: Storage, tenant: str) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert await storage.use_assertion(tenant, ONE, past)
    assert await storage.use_assertion(tenant, OTHER, later())
    assert await storage.use_assertion(tenant, ONE, later())
    assert not await storage.use_assertion(tenant, OTHER, later())


async def test_another_replica_and_a_restart_know_it(fresh_url: str) -> None:
    for expected in (True, False):
        storage = open_storage(fresh_url)
        await storage.open()
        assert await storage.use_assertion("acme/okta", ONE, later()) is expected
        await storage.close()
