"""Writes what is known of requests after they were answered: refused ones, and captured ones.

A request that is refused changes nothing, so its line in the sync log can't be in its transaction. Noting one costs
the request nothing but memory, and many are written in one transaction. While the database is away they wait; beyond
`most_waiting` new ones are dropped and counted. A server that is killed loses those of the last second.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from scim_server.storage.errors import StorageUnavailable

T = TypeVar("T")

_log = logging.getLogger(__name__)

_AT_ONCE = 500
"""In one transaction."""
_GATHER_SECONDS = 0.5
"""How long more are gathered after the first one."""
_RETRY_SECONDS = 2.0
_LAST_WRITE_SECONDS = 5.0
"""How long a server that ends waits for the database."""


class LateWrites(Generic[T]):
    """Of one kind, which `what` names in the log. `run` is its background task.

    `write_some` writes those of a tenant. `dropped` is called for each that is dropped.
    """

    def __init__(
        self,
        what: str,
        write_some: Callable[[str, Sequence[T]], Awaitable[None]],
        dropped: Callable[[], None],
        most_waiting: int = 10_000,
    ) -> None:
        self._what = what
        self._write_some = write_some
        self._dropped = dropped
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[str, T]] = deque()
        self._some = asyncio.Event()

    def note(self, tenant: str, item: T) -> None:
        """As cheap as can be."""
        if len(self._waiting) >= self._most_waiting:
            self._dropped()
            return
        self._waiting.append((tenant, item))
        self._some.set()

    async def run(self, gather_seconds: float = _GATHER_SECONDS) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(gather_seconds)
            try:
                await self.write()
            except StorageUnavailable as error:
                _log.warning("%s can't be written, trying again: %s", self._what, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Write what is left, if the database answers."""
        try:
            async with asyncio.timeout(_LAST_WRITE_SECONDS):
                await self.write()
        except (StorageUnavailable, TimeoutError) as error:
            _log.warning("%d %s are missing: %s", len(self._waiting), self._what, error)

    async def write(self) -> None:
        """All that is noted. Raises `StorageUnavailable`; what was not written then still waits."""
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            by_tenant: dict[str, list[T]] = defaultdict(list)
            for tenant, item in some:
                by_tenant[tenant].append(item)
            try:
                for tenant in [*by_tenant]:
                    await self._write_or_drop(tenant, by_tenant[tenant])
                    del by_tenant[tenant]
            finally:
                left = [(tenant, item) for tenant, items in by_tenant.items() for item in items]
                self._waiting.extendleft(reversed(left))
        self._some.clear()

    async def _write_or_drop(self, tenant: str, items: Sequence[T]) -> None:
        """What the database doesn't take keeps no others from it."""
        try:
            await self._write_some(tenant, items)
        except StorageUnavailable:
            raise
        except Exception:
            _log.exception("%d %s of %s can't be written, and are dropped", len(items), self._what, tenant)
            for _ in items:
                self._dropped()
