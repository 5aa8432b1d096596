"""When a worker does its rounds."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.background.worker import Worker, for_each
from scim_server.clock import utc_now
from scim_server.storage.errors import StorageUnavailable


class Rounds:
    """Work that tells when it is done, and fails or names a time as it is told."""

    def __init__(self) -> None:
        self.done: asyncio.Queue[None] = asyncio.Queue()
        self.outcomes: list[Exception | datetime | None] = []

    async def __call__(self) -> datetime | None:
        self.done.put_nowait(None)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def _with_worker(rounds: Rounds, test: Callable[[Worker], Awaitable[None]]) -> None:
    worker = Worker("testing", rounds, utc_now)
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(10):
            await rounds.done.get()
            await test(worker)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_wake_brings_the_next_round() -> None:
    rounds = Rounds()

    async def test(worker: Worker) -> None:
        await asyncio.sleep(0)
        assert rounds.done.empty()
        worker.wake()
        await rounds.done.get()

    await _with_worker(rounds, test)


async def test_the_next_round_comes_when_the_last_one_says() -> None:
    rounds = Rounds()
    rounds.outcomes = [datetime.now(UTC) + timedelta(milliseconds=50)]

    async def test(worker: Worker) -> None:
        await rounds.done.get()

    await _with_worker(rounds, test)


@pytest.mark.parametrize("failure", [StorageUnavailable("away"), ValueError("a mistake")])
async def test_a_round_that_fails_is_tried_again(failure: Exception) -> None:
    rounds = Rounds()
    rounds.outcomes = [failure]

    async def test(worker: Worker) -> None:
        await rounds.done.get()

    await _with_worker(rounds, test)


async def test_a_tenant_whose_work_fails_stops_no_other() -> None:
    done: list[str] = []

    async def work(tenant: str) -> None:
        if tenant == "b":
            raise ValueError(tenant)
        done.append(tenant)

    with pytest.raises(ValueError, match="b"):
        await for_each("abc", work)
    assert done == ["a", "c"]


async def test_a_database_that_is_away_stops_all() -> None:
    done: list[str] = []

    async def work(tenant: str) -> None:
        done.append(tenant)
        raise StorageUnavailable

    with pytest.raises(StorageUnavailable):
        await for_each("abc", work)
    assert done == ["a"]
