"""Waiting for new events of a tenant, without a connection to the database meanwhile.

A commit of this replica is known at once. One of another replica is found by looking, about once a second while
somebody waits: once for all who wait for the same tenant.
"""

import asyncio
from contextlib import suppress

from scim_server.storage.effects import Effects
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage

_LOOK_EVERY_SECONDS = 1.0
_PAUSE_SECONDS = 0.02
"""Between two looks, however much is committed."""


class Arrivals:
    """Of one server."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._watches: dict[str, _Watch] = {}
        self._ended = False
        storage.subscribe(self._committed)

    async def wait(self, tenant: str, position: int, seconds: float) -> None:
        """Until there is an event after `position`, or `seconds` have passed, or nobody shall wait any longer.

        Raises StorageUnavailable.
        """
        if self._ended:
            return
        watch = self._watches.get(tenant)
        if watch is None:
            watch = self._watches[tenant] = _Watch(self._storage, tenant)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await watch.wait(position)
        finally:
            if not watch.waiting and self._watches.get(tenant) is watch:
                del self._watches[tenant]
                watch.end()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(len(watch.waiting) for watch in self._watches.values())

    def answer_all(self) -> None:
        """Nobody who waits now does so any longer."""
        for watch in self._watches.values():
            watch.answer_all()

    def end(self) -> None:
        """Nobody waits from now on."""
        self._ended = True
        self.answer_all()

    def _committed(self, tenant: str, _: Effects) -> None:
        if watch := self._watches.get(tenant):
            watch.wake()


class _Watch:
    """Of those who wait for one tenant. Begins with the first of them; `end` after the last one."""

    def __init__(self, storage: Storage, tenant: str) -> None:
        self._storage = storage
        self._tenant = tenant
        self._wake = asyncio.Event()
        self.waiting: dict[asyncio.Future[None], int] = {}
        """And the position that each has read up to."""
        self._looking = asyncio.create_task(self._look())

    async def wait(self, position: int) -> None:
        found = asyncio.get_running_loop().create_future()
        self.waiting[found] = position
        self.wake()  # it may have been committed since the position was read
        try:
            await found
        finally:
            del self.waiting[found]

    def wake(self) -> None:
        self._wake.set()

    def answer_all(self) -> None:
        for found in self.waiting:
            if not found.done():
                found.set_result(None)

    def end(self) -> None:
        self._looking.cancel()

    async def _look(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                newest = await self._storage.read(self._tenant, lambda reader: reader.newest_event_position())
            except StorageUnavailable as error:
                for found in self._unanswered():
                    found.set_exception(StorageUnavailable(str(error)))
            else:
                for found in self._unanswered():
                    if self.waiting[found] < newest:
                        found.set_result(None)
            await asyncio.sleep(_PAUSE_SECONDS)

    def _unanswered(self) -> list[asyncio.Future[None]]:
        return [found for found in self.waiting if not found.done()]
