"""What turns by tenant bring: how long a newcomer waits, beside a semaphore with a cap for each tenant.

No database takes part.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from benchmarks.bench import Bench, Ratio, Workshop
from scim_server.limits.turns import Turns
from scim_server.storage.shares import tenant_share

_CONNECTIONS = 16
_BUSY_TENANTS = 10
_WAITING = 1_000
"""Of each busy tenant."""

_Turn = Callable[[str], AbstractAsyncContextManager[None]]


def _run(workshop: Workshop) -> list[Ratio]:
    ours = asyncio.run(_turns_before_newcomer(Turns(_CONNECTIONS, share=tenant_share(_CONNECTIONS)).turn))
    simple = asyncio.run(_turns_before_newcomer(_semaphores()))
    busy = f"{_BUSY_TENANTS} tenants have {_WAITING:,} waiting each"
    workshop.say("turns by tenant", f"a newcomer waits for {ours} turns while {busy}")
    workshop.say("semaphore, cap for each tenant", f"a newcomer waits for {simple} turns")
    return [Ratio("turns that a newcomer waits for: semaphore with caps ÷ turns by tenant", simple / ours, "≥ 3")]


def _semaphores() -> _Turn:
    together = asyncio.Semaphore(_CONNECTIONS)
    caps: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(tenant_share(_CONNECTIONS)))

    @asynccontextmanager
    async def turn(tenant: str) -> AsyncIterator[None]:
        async with caps[tenant], together:
            yield

    return turn


async def _turns_before_newcomer(turn: _Turn) -> int:
    """A turn lasts for one round of the event loop: the count is the same on every machine."""
    ended = 0

    async def work(tenant: str) -> None:
        nonlocal ended
        async with turn(tenant):
            await asyncio.sleep(0)
            ended += 1

    waiting = [
        asyncio.create_task(work(f"busy-{number % _BUSY_TENANTS}")) for number in range(_BUSY_TENANTS * _WAITING)
    ]
    for _ in range(10):  # all have begun to wait, and turns are under way
        await asyncio.sleep(0)
    before = ended
    async with turn("newcomer"):
        waited_for = ended - before
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return waited_for


TURNS = Bench(
    "turns",
    "turns that a newcomer waits for while 10 tenants have 1,000 waiting: semaphore with caps ÷ turns by tenant",
    _run,
)
