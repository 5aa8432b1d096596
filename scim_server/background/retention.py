"""Deletes what is older than the retention of its tenant: lines of the sync log, events, and what became of these at
webhooks. Captured requests go after a day.

In small transactions, the oldest first, so that nobody who writes waits for long. Every replica does this, which
finds what another one has left. A replica's wrong clock matters by as much as it is wrong.
"""

from datetime import datetime, timedelta

from scim_server.background.worker import Worker, for_each
from scim_server.clock import Clock
from scim_server.metrics import Metrics
from scim_server.storage.protocol import Storage, Writer

_AT_ONCE = 1000
"""Rows of each table in one transaction."""
_EVERY = timedelta(hours=1)
_CAPTURES = timedelta(days=1)
"""How long captured requests are kept: until people have looked at them."""


class Retention:
    """`worker` is its background task. One per server."""

    def __init__(self, storage: Storage, metrics: Metrics, clock: Clock) -> None:
        self._storage = storage
        self._metrics = metrics
        self._clock = clock
        self._next: datetime | None = None
        self.worker = Worker("deleting what is older than the retention", self.do, clock)

    async def do(self) -> datetime:
        """One round, if it is time: returns when the next one is. Raises `StorageUnavailable`."""
        now = self._clock()
        if self._next is None or self._next <= now or self._next > now + _EVERY:  # the clock was set back
            await for_each(await self._storage.tenants(), self._delete_all)
            self._next = now + _EVERY
        return self._next

    async def _delete_all(self, tenant: str) -> None:
        more = True
        while more:
            lines, events, deliveries = await self._storage.write(tenant, self._delete_some)
            self._metrics.sync_log_deleted.inc(lines)
            self._metrics.events_deleted.inc(events)
            more = _AT_ONCE in (lines, events, deliveries)

    async def _delete_some(self, writer: Writer) -> tuple[int, int, int]:
        await writer.forget_captures(self._clock() - _CAPTURES)
        before = self._clock() - (await writer.policy()).retention
        return (
            await writer.forget_log(before, _AT_ONCE),
            await writer.forget_events(before, _AT_ONCE),
            await writer.forget_deliveries(before, _AT_ONCE),
        )
