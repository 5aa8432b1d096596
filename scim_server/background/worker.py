"""Work that is done in the background, on every replica: what is to be done stands in the database.

A round does all that there is to do now. The next one comes when the worker is woken, at the time that the round
names, or after a while, since another replica may have left work. A wake is a hint: what it is about is in the
database.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeVar

from scim_server.clock import Clock
from scim_server.storage.errors import StorageUnavailable

T = TypeVar("T")

_log = logging.getLogger(__name__)

_SOONEST_SECONDS = 0.2
"""A round that leaves what another transaction holds names a time that is past."""
_LOOK_EVERY_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 30.0


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """The work of each item, such as a tenant; of the others too where one's fails: then raises the first error.

    Raises `StorageUnavailable` at once: the others would fail of it too.
    """
    errors: list[Exception] = []
    for item in items:
        try:
            await work(item)
        except StorageUnavailable:
            raise
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


class Worker:
    """`work` does one round, and returns when the next one is needed at the latest, or None.

    It must be repeatable, and harmless where several replicas do it at once. `what` begins a sentence of the log.
    """

    def __init__(self, what: str, work: Callable[[], Awaitable[datetime | None]], clock: Clock) -> None:
        self._what = what
        self._work = work
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. While rounds fail the next one comes later and later."""
        retry = _FIRST_RETRY_SECONDS
        while True:
            self._wake.clear()
            try:
                next_time = await self._work()
                retry, wait = _FIRST_RETRY_SECONDS, self._until(next_time)
            except StorageUnavailable:
                _log.warning("%s: the database is away; next attempt in %.1f s", self._what, retry)
                retry, wait = min(retry * 2, _LAST_RETRY_SECONDS), retry
            except Exception:
                _log.exception("%s: failed; next attempt in %.1f s", self._what, retry)
                retry, wait = min(retry * 2, _LAST_RETRY_SECONDS), retry
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _until(self, next_time: datetime | None) -> float:
        """Seconds."""
        if next_time is None:
            return _LOOK_EVERY_SECONDS
        return min(_LOOK_EVERY_SECONDS, max(_SOONEST_SECONDS, (next_time - self._clock()).total_seconds()))
