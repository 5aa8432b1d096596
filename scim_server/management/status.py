"""What the operator and people ask a replica: what it runs, and how many users there are."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from scim_server.config import ConfigHolder, Tenant
from scim_server.directory.rules_applier import RulesApplier
from scim_server.management.intake import Intake
from scim_server.metrics import Metrics
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Reader, Storage
from scim_server.storage.records import TenantCounts

_COUNTS_LIVE_SECONDS = 10.0
"""Counting reads every user of a tenant: scrapes and resyncs share one count."""


class Status:
    """Reads only; `document` and `refresh_metrics` work without a database, then with the counts known last."""

    def __init__(
        self, holder: ConfigHolder, intake: Intake, applier: RulesApplier, storage: Storage, metrics: Metrics
    ) -> None:
        self._holder = holder
        self._intake = intake
        self._applier = applier
        self._storage = storage
        self._metrics = metrics
        self._counting = asyncio.Lock()
        self._counts: dict[str, TenantCounts] = {}
        self._counted_at = float("-inf")
        self._counted_revision = 0

    async def ready(self) -> str | None:
        """None when requests can be served, else what is missing."""
        missing = [] if self._holder.current is not None else ["no configuration yet"]
        try:
            await self._storage.ping()
        except StorageUnavailable:
            missing.append("the database doesn't answer")
        return "; ".join(missing) or None

    async def document(self) -> dict[str, Any]:
        """The body of `GET /v1/status`."""
        try:
            floor = await self._intake.floor()
        except StorageUnavailable:
            floor = 0
        rejection = self._holder.rejection
        return {
            "revision": self._holder.revision,
            "floor": floor,
            "settledRevision": self._applier.settled_revision,
            "source": self._holder.source,
            "rejection": {"source": rejection.source, "reason": rejection.reason} if rejection else None,
            "tenants": {key: _counts_json(counts) for key, counts in (await self._current_counts()).items()},
            "version": version("scim-operator"),
        }

    async def refresh_metrics(self) -> None:
        self._metrics.set_counts(await self._current_counts())

    async def _current_counts(self) -> dict[str, TenantCounts]:
        async with self._counting:
            fresh = time.monotonic() - self._counted_at < _COUNTS_LIVE_SECONDS
            if not fresh or self._counted_revision != self._holder.revision:
                try:
                    self._counts = await self._count()
                except StorageUnavailable:
                    return self._counts
                self._counted_at, self._counted_revision = time.monotonic(), self._holder.revision
            return self._counts

    async def _count(self) -> dict[str, TenantCounts]:
        current = self._holder.current
        tenants: tuple[Tenant, ...] = current.config.tenants if current else ()
        now = datetime.now(UTC)
        counts: dict[str, TenantCounts] = {}
        for tenant in tenants:
            blocked_after = now - timedelta(seconds=tenant.deprovisioning.deactivation_delay_seconds)

            def count(reader: Reader, blocked_after: datetime = blocked_after) -> Awaitable[TenantCounts]:
                return reader.counts(blocked_after)

            counts[tenant.key] = await self._storage.read(tenant.key, count)
        return counts


def _counts_json(counts: TenantCounts) -> dict[str, Any]:
    return {
        "users": {"active": counts.active, "blocked": counts.blocked, "deactivated": counts.deactivated},
        "groups": counts.groups,
        "lastSyncTime": counts.last_sync.isoformat().replace("+00:00", "Z") if counts.last_sync else None,
    }
