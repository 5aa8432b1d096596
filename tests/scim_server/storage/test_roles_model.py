"""engine.md, "One law of roles": what the database holds after any history is what the pure law says from scratch."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from scim_server.background.due import DueWork
from scim_server.storage.protocol import Storage
from tests.scim_server.storage.role_histories import NOON, History
from tests.support.examples import few
from tests.support.storages import SetClock, open_storage

HISTORIES = {"sqlite": 1800, "postgresql": 200}
TOGETHER = 200
"""Tenants whose histories go on side by side, by one clock."""
AT_ONCE = 32


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
async def replicas(url: str, clock: SetClock) -> AsyncIterator[tuple[Storage, ...]]:
    """A server is alone with its SQLite database."""
    opened = tuple(open_storage(url, clock) for _ in range(1 if url.startswith("sqlite") else 2))
    for replica in opened:
        await replica.open()
    yield opened
    for replica in opened:
        await replica.close()


async def test_the_database_holds_what_the_law_says(
    replicas: tuple[Storage, ...], clock: SetClock, storage_kind: str
) -> None:
    """After any sequence of SCIM writes, changes of policies, crashes, and steps of time."""
    for first in range(0, few(HISTORIES[storage_kind]), TOGETHER):
        clock.now = NOON
        seeds = range(first, first + TOGETHER)
        histories = [History(replicas, f"acme/{seed}", seed) for seed in seeds]
        await _each(histories, lambda history: history.begin())
        for hours in (0, 1, 3.5):
            clock.now = NOON + timedelta(hours=hours)
            await DueWork(replicas[0], clock).do()
            await _each(histories, lambda history: history.go_on(clock()))
        await _each(histories, lambda history: history.check())


async def _each(histories: list[History], work: Callable[[History], Awaitable[None]]) -> None:
    left = iter(histories)

    async def worker() -> None:
        for history in left:
            await work(history)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
