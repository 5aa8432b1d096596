"""The work-queue: keys come in, workers process those of a group that are due together, one lot at a time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from scim_operator.reconcile.schedule import Schedule

FINISHING_SECONDS = 10.0
"""How long a reconcile that is under way may take when the operator stops."""

K = TypeVar("K", bound=Hashable)

log = logging.getLogger(__name__)


class RetryLater(Exception):
    """Of a handler: it did what it could, and the key must be processed again. Not logged as an error."""


class WorkQueue(Generic[K]):
    """A `Schedule` with a clock and workers. `handler` is called with keys of one group and returns what went wrong
    with which of them; what it raises went wrong with all. That brings a back-off."""

    def __init__(
        self,
        handler: Callable[[Sequence[K]], Awaitable[Mapping[K, Exception]]],
        schedule: Schedule[K] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handler = handler
        self._schedule: Schedule[K] = schedule if schedule is not None else Schedule()
        self._clock = clock
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: K) -> None:
        """Something happened to `key`: process it soon."""
        self._schedule.add(key, self._clock())
        self._changed.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Process `key` in `seconds` at the latest."""
        self._schedule.add_after(key, seconds, self._clock())
        self._changed.set()

    async def run(self, workers: int) -> None:
        """Process keys with that many workers until cancelled. What is being processed then is finished first."""
        stopping = asyncio.Event()
        tasks = [asyncio.create_task(self._work(stopping)) for _ in range(workers)]
        try:
            # Unlike gather and TaskGroup, wait leaves the workers alone when it is cancelled itself.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            stopping.set()
            self._changed.set()
            await asyncio.wait(tasks, timeout=FINISHING_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            task.result()

    async def _work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            keys = self._schedule.take(self._clock())
            if not keys:
                await self._wait()
                continue
            # Wake the others: there may be more to take.
            self._changed.set()
            await self._process(keys)
            self._changed.set()

    async def _process(self, keys: Sequence[K]) -> None:
        failures: Mapping[K, Exception]
        try:
            failures = await self._handler(keys)
        except Exception as error:
            failures = dict.fromkeys(keys, error)
        for key in keys:
            if key in failures:
                self._tell_failure(key, failures[key])
            else:
                self._schedule.succeeded(key, self._clock())

    def _tell_failure(self, key: K, error: Exception) -> None:
        delay = self._schedule.failed(key, self._clock())
        if isinstance(error, RetryLater):
            log.info("%s: trying again in %.1f s: %s", key, delay, error, extra={"cause": str(error)})
        else:
            log.error("%s: failed; trying again in %.1f s", key, delay, exc_info=error)

    async def _wait(self) -> None:
        self._changed.clear()
        due = self._schedule.next_due()
        delay = None if due is None else max(0.0, due - self._clock())
        try:
            async with asyncio.timeout(delay):
                await self._changed.wait()
        except TimeoutError:
            pass
