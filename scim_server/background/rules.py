"""Brings the rules of each accepted configuration into the database, and users' roles after them.

Tenants that the configuration calls deleted are noted as departed, and erased when their time has come.

Every replica does this; the database lets one of them win (`put_rules`) and shares the rest (`recompute_some`).
What a crash leaves is found again at start, and every replica looks now and then for what another one left.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from scim_server.background.worker import Worker, for_each
from scim_server.clock import Clock
from scim_server.config import SHARDS, ConfigBundle, ConfigHolder, Tenant
from scim_server.directory.stored_rules import StoredRules
from scim_server.metrics import Metrics
from scim_server.provisioning.grants import RoleRules
from scim_server.storage.effects import Effects, RolesPending
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import RoleChange

_log = logging.getLogger(__name__)


class RulesApplier:
    """`worker` is its background task. One per server."""

    def __init__(
        self, storage: Storage, stored_rules: StoredRules, holder: ConfigHolder, metrics: Metrics, clock: Clock
    ) -> None:
        self._storage = storage
        self._stored_rules = stored_rules
        self._holder = holder
        self._metrics = metrics
        self._applied = asyncio.Condition()
        self._listeners: list[Callable[[str, Sequence[RoleChange]], None]] = []
        self._applied_revisions = dict.fromkeys(SHARDS, 0)
        self.worker = Worker("applying role rules", self._apply, clock)
        holder.subscribe(lambda _: self.worker.wake())
        storage.subscribe(self._look_for_pending)

    def subscribe(self, listener: Callable[[str, Sequence[RoleChange]], None]) -> None:
        """`listener` is called with the tenant and the changes of roles of each committed batch."""
        self._listeners.append(listener)

    def applied_revision_of(self, shard: int | None) -> int:
        """The highest revision of a shard that the roles of all existing users follow; without one, that they follow
        in every shard."""
        return min(self._applied_revisions.values()) if shard is None else self._applied_revisions[shard]

    async def wait_applied(self, revision: int, seconds: float, shard: int | None = None) -> bool:
        """Whether `revision` is applied, in its shard or in all of them, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._applied:
                await self._applied.wait_for(lambda: self.applied_revision_of(shard) >= revision)
        except TimeoutError:
            return False
        return True

    def _look_for_pending(self, _: str, effects: Effects) -> None:
        if any(isinstance(effect, RolesPending) for effect in effects.all):
            self.worker.wake()

    async def _apply(self) -> datetime | None:
        if self._holder.current is not None:
            parts = self._holder.shards.items()
            new = {shard: part for shard, part in parts if part.revision > self._applied_revisions[shard]}
            for shard, part in new.items():
                await self._put_all(shard, part)
            if new:
                await self._recompute_pending({tenant.key for part in new.values() for tenant in part.config.tenants})
                await self._announce({shard: part.revision for shard, part in new.items()})
        await self._recompute_pending()
        await for_each(await self._storage.tenants_to_erase(), self._stored_rules.erase)
        return None

    async def _put_all(self, shard: int, bundle: ConfigBundle) -> None:
        tenants = {tenant.key: tenant for tenant in bundle.config.tenants if not tenant.deleted}
        rules = {key: RoleRules.of(tenant) for key, tenant in tenants.items()}
        others = await self._storage.raise_revisions(
            {key: each.fingerprint for key, each in rules.items()},
            bundle.revision,
            {key: tenant.uid for key, tenant in tenants.items() if tenant.uid is not None},
        )
        await for_each(others, lambda key: self._stored_rules.put(tenants[key], rules[key], bundle.revision))
        self._stored_rules.are(shard, rules)
        for tenant in bundle.config.tenants:
            if tenant.deleted:
                await self._depart(tenant, bundle.revision)

    async def _depart(self, tenant: Tenant, revision: int) -> None:
        keep = timedelta(seconds=tenant.kept_after_deletion_seconds)

        async def work(writer: Writer) -> bool:
            return await writer.depart(keep, revision)

        if await self._storage.write(tenant.key, work, exclusive=True):
            _log.info("%s is deleted; its users are kept for %s", tenant.key, keep)

    async def _recompute_pending(self, among: Collection[str] | None = None) -> None:
        """The tenants that need it; None: also those that the configuration doesn't have any more."""
        pending = await self._storage.pending_tenants()
        await for_each((key for key in pending if among is None or key in among), self._recompute_tenant)

    async def _recompute_tenant(self, key: str) -> None:
        async def work(writer: Writer) -> Sequence[RoleChange] | None:
            return await writer.recompute_some()

        changed = 0
        while (batch := await self._storage.write(key, work)) is not None:
            changed += len(batch)
            for listener in self._listeners:
                listener(key, batch)
        _log.info("roles of existing users of %s follow its rules: %d changed", key, changed)

    async def _announce(self, revisions: Mapping[int, int]) -> None:
        async with self._applied:
            self._applied_revisions |= revisions
            self._applied.notify_all()
        for shard, revision in revisions.items():
            self._metrics.config_applied_revision.labels(str(shard)).set(revision)
