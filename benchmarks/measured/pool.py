"""What the storage's own pool of PostgreSQL connections brings: the same uses with asyncpg's pool, beside it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from benchmarks.bench import Bench, Ratio, Workshop
from scim_server.storage.postgres.failures import translated
from scim_server.storage.postgres.pool import Pool
from scim_server.storage.protocol import NullObserver
from scim_server.storage.shares import tenant_share

_SIZE = 16
_PATIENCE = 10.0
_TENANTS = 4
_TASKS = (1, 16, 64)
_TURN_SECONDS = 0.5

_Use = Callable[[str], Awaitable[object]]
"""One use of a connection for a tenant."""


class _PlainConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """asyncpg's own cleaning costs a round trip for each use. The storage leaves nothing to clean."""

    def get_reset_query(self) -> str:
        return ""


@dataclass(slots=True)
class _Measured:
    uses: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.uses / self.seconds

    @property
    def microseconds(self) -> float:
        """Of processor time, for each use."""
        return self.processor_seconds / self.uses * 1e6


def _run(workshop: Workshop) -> list[Ratio]:
    url = workshop.database.create()
    turns = max(1, round(workshop.sizes.rounds * workshop.sizes.seconds / _TURN_SECONDS / len(_TASKS)))
    ratios: list[Ratio] = []
    with workshop.doing(f"measuring, in turns of {_TURN_SECONDS} s: own pool, asyncpg's pool"):
        measured = asyncio.run(_measure(url, turns))
    for tasks, (ours, theirs) in measured.items():
        for label, found in (("own pool", ours), ("asyncpg's pool", theirs)):
            workshop.say(
                f"{label}, {tasks} at once",
                f"{found.rate:8,.0f} /s   {found.microseconds:.0f} µs of processor time for each",
            )
        ratio = theirs.microseconds / ours.microseconds
        ratios.append(Ratio(f"processor time of one SELECT 1, {tasks} at once: asyncpg's pool ÷ own", ratio, "≥ 1.1"))
    return ratios


async def _measure(url: str, turns: int) -> dict[int, tuple[_Measured, _Measured]]:
    """By the number of tasks: the own pool and asyncpg's."""
    async with _own_pool(url) as ours, _their_pool(url) as theirs:
        found: dict[int, tuple[_Measured, _Measured]] = {}
        for tasks in _TASKS:
            both = (_Measured(), _Measured())
            for use in (ours, theirs):
                await _turn(use, tasks, _Measured())  # warms up, and opens connections
            for _ in range(turns):
                for use, measured in zip((ours, theirs), both, strict=True):
                    await _turn(use, tasks, measured)
            found[tasks] = both
        return found


async def _turn(use: _Use, tasks: int, measured: _Measured) -> None:
    started, processor_started = time.perf_counter(), time.process_time()

    async def repeat(tenant: str) -> int:
        uses = 0
        while time.perf_counter() < started + _TURN_SECONDS:
            await use(tenant)
            uses += 1
        return uses

    uses = await asyncio.gather(*(repeat(f"tenant-{number % _TENANTS}") for number in range(tasks)))
    measured.uses += sum(uses)
    measured.seconds += time.perf_counter() - started
    measured.processor_seconds += time.process_time() - processor_started


@asynccontextmanager
async def _own_pool(url: str) -> AsyncIterator[_Use]:
    pool = Pool(lambda seconds: asyncpg.connect(url, timeout=seconds), _SIZE, NullObserver())

    async def use(tenant: str) -> object:
        async with pool.connection(_PATIENCE, tenant) as connection:
            return await connection.fetchval("SELECT 1")

    try:
        yield use
    finally:
        await pool.close()


@asynccontextmanager
async def _their_pool(url: str) -> AsyncIterator[_Use]:
    """Its queue bounds the connections; a semaphore for each tenant bounds the tenant's share of them."""
    shares: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(tenant_share(_SIZE)))
    async with asyncpg.create_pool(url, min_size=0, max_size=_SIZE, connection_class=_PlainConnection) as pool:

        async def use(tenant: str) -> object:
            with translated():
                async with shares[tenant], pool.acquire(timeout=_PATIENCE) as connection:
                    return await connection.fetchval("SELECT 1")

        yield use


POOL = Bench(
    "pool",
    "processor time of one use of a PostgreSQL connection: asyncpg's pool ÷ the server's own",
    _run,
    databases=("PostgreSQL",),
)
