import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import pytest

from scim_operator.reconcile.queue import RetryLater, WorkQueue
from scim_operator.reconcile.schedule import Schedule
from tests.support.until import until


@contextlib.asynccontextmanager
async def working(queue: WorkQueue[str], workers: int = 3) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(workers))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


Handler = Callable[[Sequence[str]], Awaitable[Mapping[str, Exception]]]


def one_by_one(handle: Callable[[str], Awaitable[None]]) -> Handler:
    """Each key is a group of its own."""

    async def handle_all(keys: Sequence[str]) -> Mapping[str, Exception]:
        (key,) = keys
        await handle(key)
        return {}

    return handle_all


def recorder() -> tuple[list[str], Handler]:
    seen: list[str] = []

    async def handle(key: str) -> None:
        seen.append(key)

    return seen, one_by_one(handle)


async def test_each_key_is_processed() -> None:
    seen, handle = recorder()
    queue: WorkQueue[str] = WorkQueue(handle)
    async with working(queue):
        for key in "abcdef":
            queue.add(key)
        await until(lambda: len(seen) == 6)
    assert sorted(seen) == list("abcdef")


async def test_a_key_is_never_processed_twice_at_a_time_and_others_go_on_meanwhile() -> None:
    open_gate = asyncio.Event()
    at_once: Counter[str] = Counter()
    most: Counter[str] = Counter()
    runs: Counter[str] = Counter()

    async def handle(key: str) -> None:
        at_once[key] += 1
        most[key] = max(most[key], at_once[key])
        if key == "slow" and not runs[key]:
            await open_gate.wait()
        runs[key] += 1
        at_once[key] -= 1

    queue: WorkQueue[str] = WorkQueue(one_by_one(handle))
    async with working(queue):
        queue.add("slow")
        await until(lambda: at_once["slow"] == 1)
        queue.add("slow")
        queue.add("other")
        await until(lambda: runs["other"] == 1)
        open_gate.set()
        await until(lambda: runs["slow"] == 2)
    assert most == {"slow": 1, "other": 1}


@pytest.mark.parametrize("failure", [RetryLater("no replica"), ValueError("a bug")])
async def test_a_key_that_failed_is_tried_again(failure: Exception) -> None:
    attempts = 0

    async def handle(_: str) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise failure

    queue: WorkQueue[str] = WorkQueue(one_by_one(handle))
    async with working(queue):
        queue.add("a")
        await until(lambda: attempts == 2)


async def test_stopping_lets_the_work_that_is_under_way_end() -> None:
    begun, may_end, finished = asyncio.Event(), asyncio.Event(), False

    async def handle(_: str) -> None:
        nonlocal finished
        begun.set()
        await may_end.wait()
        finished = True

    queue: WorkQueue[str] = WorkQueue(one_by_one(handle))
    async with working(queue):
        queue.add("a")
        await begun.wait()
        asyncio.get_running_loop().call_soon(may_end.set)  # once the queue is being stopped
    assert finished


async def test_the_clock_is_the_callers() -> None:
    seen, handle = recorder()
    now = 0.0
    queue: WorkQueue[str] = WorkQueue(handle, clock=lambda: now)
    async with working(queue):
        queue.add_after("a", 3600.0)
        queue.add("b")
        now = 1.0
        queue.add("c")  # wakes the workers
        await until(lambda: "b" in seen)
        assert "a" not in seen
        now = 3600.0
        queue.add("d")
        await until(lambda: "a" in seen)


async def test_what_failed_of_those_processed_together_is_tried_again_alone() -> None:
    lots: list[tuple[str, ...]] = []

    async def handle(keys: Sequence[str]) -> Mapping[str, Exception]:
        lots.append(tuple(sorted(keys)))
        return {"b": RetryLater("away")} if len(keys) > 1 else {}

    queue: WorkQueue[str] = WorkQueue(handle, Schedule(group=lambda key: "all"))
    async with working(queue):
        for key in "abc":
            queue.add(key)
        await until(lambda: len(lots) == 2)
    assert lots == [("a", "b", "c"), ("b",)]
