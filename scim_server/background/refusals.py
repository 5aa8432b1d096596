"""Writes the sync log's lines of refused requests: after they were answered, many in one transaction.

A request that is refused changes nothing, so its line can't be in its transaction. Noting one costs the request
nothing but memory. While the database is away lines wait; beyond `_MOST_WAITING` new ones are dropped and counted. A
server that is killed loses those of the last second.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable

from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage
from scim_server.storage.tables.sync_log import LogLine

_log = logging.getLogger(__name__)

_AT_ONCE = 500
"""Lines in one transaction."""
_MOST_WAITING = 10_000
_GATHER_SECONDS = 0.5
"""How long lines are gathered after the first one."""
_RETRY_SECONDS = 2.0
_LAST_WRITE_SECONDS = 5.0
"""How long a server that ends waits for the database."""


class Refusals:
    """Of this server. `run` is its background task; `dropped` is called for each line that is dropped."""

    def __init__(self, storage: Storage, dropped: Callable[[], None]) -> None:
        self._storage = storage
        self._dropped = dropped
        self._waiting: deque[tuple[str, LogLine]] = deque()
        self._some = asyncio.Event()

    def note(self, tenant: str, line: LogLine) -> None:
        """Called for each refused request, so as cheap as can be."""
        if len(self._waiting) >= _MOST_WAITING:
            self._dropped()
            return
        self._waiting.append((tenant, line))
        self._some.set()

    async def run(self, gather_seconds: float = _GATHER_SECONDS) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(gather_seconds)
            try:
                await self.write()
            except StorageUnavailable as error:
                _log.warning("refused requests can't be written to the sync log, trying again: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                _log.exception("refused requests could not be written to the sync log, trying again")
                await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Write what is left, if the database answers."""
        try:
            async with asyncio.timeout(_LAST_WRITE_SECONDS):
                await self.write()
        except (StorageUnavailable, TimeoutError) as error:
            _log.warning("%d refused requests are missing in the sync log: %s", len(self._waiting), error)

    async def write(self) -> None:
        """All that is noted. Raises `StorageUnavailable`; what was not written then still waits."""
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            by_tenant: dict[str, list[LogLine]] = defaultdict(list)
            for tenant, line in some:
                by_tenant[tenant].append(line)
            try:
                for tenant in [*by_tenant]:
                    await self._storage.log_refused(tenant, by_tenant[tenant])
                    del by_tenant[tenant]
            finally:
                self._waiting.extendleft((tenant, line) for tenant, left in by_tenant.items() for line in left)
        self._some.clear()
