"""Turns at work."""

import asyncio
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from scim_server.limits.turns import Turns

STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "end", "cancel"]), st.sampled_from("abc"), st.integers(1, 12)), max_size=60
)


class Workers:
    """Tasks that have a turn until they are told to end."""

    def __init__(self, most: int) -> None:
        self.turns = Turns(most)
        self.begun: list[str] = []
        """Names, in the order of their turns."""
        self.under_way = 0
        self.waiting: dict[str, asyncio.Task[None]] = {}
        self.working: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}

    async def start(self, name: str, key: str, size: int) -> None:
        async def work() -> None:
            async with self.turns.turn(key, size):
                self.under_way += size
                self.begun.append(name)
                ends = asyncio.Event()
                self.working[name] = (self.waiting.pop(name), ends)
                try:
                    await ends.wait()
                finally:
                    self.under_way -= size

        self.waiting[name] = asyncio.create_task(work())
        await self._settle()

    async def end(self, name: str) -> None:
        task, ends = self.working.pop(name)
        ends.set()
        await task
        await self._settle()

    async def cancel(self, name: str) -> None:
        task = self.waiting.pop(name, None) or self.working.pop(name)[0]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


@given(STEPS)
def test_never_too_much_is_under_way_and_everybody_gets_a_turn(steps: list[tuple[str, str, int]]) -> None:
    async def run() -> None:
        workers = Workers(10)
        for number, (step, key, size) in enumerate(steps):
            if step == "begin":
                await workers.start(f"{key}{number}", key, size)
            elif step == "end" and workers.working:
                await workers.end(next(iter(workers.working)))
            elif step == "cancel" and (workers.waiting or workers.working):
                names = [*workers.waiting, *workers.working]
                await workers.cancel(names[size % len(names)])
            assert workers.under_way <= 10 or len(workers.working) == 1
            assert workers.working or not workers.waiting
        while workers.working:
            await workers.end(next(iter(workers.working)))
        assert not workers.waiting

    asyncio.run(run())


async def test_keys_take_turns_and_of_one_key_who_came_first() -> None:
    workers = Workers(1)
    for name in ("a1", "a2", "a3", "b1", "a4", "c1", "b2"):
        await workers.start(name, name[0], 1)
    while workers.working:
        await workers.end(next(iter(workers.working)))
    assert workers.begun == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_a_newcomer_waits_for_one_turn_of_each_busy_key() -> None:
    connections, busy = 16, [f"busy {number}" for number in range(10)]
    turns = Turns(connections, share=12)
    for number in range(connections):
        assert turns.begin_now(busy[number % len(busy)])
    begun: list[str] = []

    async def work(key: str) -> None:
        async with turns.turn(key):
            begun.append(key)

    working = [asyncio.create_task(work(key)) for key in busy for _ in range(1_000)]
    await asyncio.sleep(0)
    working.append(asyncio.create_task(work("newcomer")))
    await asyncio.sleep(0)
    for number in range(connections):
        turns.end(busy[number % len(busy)])
    async with asyncio.timeout(60):
        await asyncio.gather(*working)
    assert sorted(begun[: len(busy) + 1]) == [*busy, "newcomer"]


async def test_who_gives_up_keeps_nobody_waiting() -> None:
    workers = Workers(10)
    await workers.start("small", "a", 5)
    await workers.start("large", "b", 9)
    await workers.start("other", "c", 5)
    assert workers.begun == ["small"]
    await workers.cancel("large")
    assert workers.begun == ["small", "other"]


async def test_a_key_has_its_share_and_keeps_nobody_else_waiting() -> None:
    turns = Turns(4, share=2)
    for key in ("a", "a", "b"):
        assert turns.begin_now(key)
    assert not turns.begin_now("a")
    waiting = [asyncio.create_task(turns.begin("a")) for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await turns.begin("b")  # at once, though others came before
    assert not any(task.done() for task in waiting)
    turns.end("b")
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    turns.end("a")
    await waiting[0]
    waiting[1].cancel()
    turns.end("a")
    await waiting[2]
    assert turns.under_way == 3
    for key in ("a", "a", "b"):
        turns.end(key)
    assert turns.under_way == 0
