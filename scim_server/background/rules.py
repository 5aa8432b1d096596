"""Brings the rules of each accepted configuration into the database, and users' roles after them.

Tenants that the configuration calls deleted are noted as departed, and erased when their time has come.

Every replica does this; the database lets one of them win (`put_rules`) and shares the rest (`recompute_some`).
What a crash leaves is found again at start, and every replica looks now and then for what another one left.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from scim_server.background.worker import Worker, for_each
from scim_server.clock import Clock
from scim_server.config import SHARDS, ConfigBundle, ConfigHolder, Tenant
from scim_server.directory.stored_rules import StoredRules
from scim_server.metrics import Metrics
from scim_server.provisioning.policy import Policy
from scim_server.storage.effects import Effects, ProfilesPending, RolesPending
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
        self._stored: dict[int, ConfigBundle] = {}
        """Of each shard, the newest part whose rules are in the database."""
        self._applied_revisions = dict.fromkeys(SHARDS, 0)
        self.worker = Worker("applying role rules", self.do, clock)
        holder.subscribe(lambda _: self.worker.wake())
        storage.subscribe(self._look_for_pending)

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
        if any(isinstance(effect, RolesPending | ProfilesPending) for effect in effects.all):
            self.worker.wake()

    async def do(self) -> datetime | None:
        """One round. What fails for a shard or a tenant stops no other. Raises the first error."""
        steps = (
            self._store_new_rules,
            self._apply_stored_rules,
            self._recompute_pending,
            self._find_reasons,
            self._erase_departed,
        )
        await for_each(steps, lambda step: step())
        return None

    async def _store_new_rules(self) -> None:
        """Of all shards before any role is computed: that may take long."""
        if self._holder.current is None:
            return
        parts = self._holder.shards
        await for_each(
            [shard for shard in parts if parts[shard].revision > self._stored_revision(shard)],
            lambda shard: self._store_shard(shard, parts[shard]),
        )

    def _stored_revision(self, shard: int) -> int:
        return self._stored[shard].revision if shard in self._stored else 0

    async def _store_shard(self, shard: int, part: ConfigBundle) -> None:
        tenants = {tenant.key: tenant for tenant in part.config.tenants}
        rules = {key: Policy.of(tenant) for key, tenant in tenants.items() if not tenant.deleted}
        others = await self._storage.raise_revisions(
            {key: each.fingerprint for key, each in rules.items()},
            part.revision,
            {key: uid for key in rules if (uid := tenants[key].uid) is not None},
        )

        async def store(key: str) -> None:
            if tenants[key].deleted:
                await self._depart(tenants[key], part.revision)
            else:
                await self._stored_rules.put(tenants[key], rules[key], part.revision)

        await for_each([*others, *(key for key, tenant in tenants.items() if tenant.deleted)], store)
        self._stored_rules.are(shard, rules)
        self._stored[shard] = part

    async def _depart(self, tenant: Tenant, revision: int) -> None:
        keep = timedelta(seconds=tenant.kept_after_deletion_seconds)

        async def work(writer: Writer) -> bool:
            return await writer.depart(keep, revision)

        if await self._storage.write(tenant.key, work, exclusive=True):
            _log.info("%s is deleted; its users are kept for %s", tenant.key, keep)

    async def _apply_stored_rules(self) -> None:
        new = [shard for shard, part in self._stored.items() if part.revision > self._applied_revisions[shard]]
        if not new:
            return
        pending = frozenset(await self._storage.pending_tenants())
        with_profiles = frozenset(await self._storage.tenants_with_pending_profiles())
        await for_each(new, lambda shard: self._apply_shard(shard, pending, with_profiles))

    async def _apply_shard(self, shard: int, pending: Collection[str], with_profiles: Collection[str]) -> None:
        part = self._stored[shard]
        keys = [one.key for one in part.config.tenants]
        await for_each([key for key in keys if key in pending], self._recompute_tenant)
        await for_each([key for key in keys if key in with_profiles], self._recompute_profiles_of)
        async with self._applied:
            self._applied_revisions[shard] = part.revision
            self._applied.notify_all()
        self._metrics.config_applied_revision.labels(str(shard)).set(part.revision)

    async def _recompute_pending(self) -> None:
        """Also those that the configuration doesn't have any more."""
        await for_each(await self._storage.pending_tenants(), self._recompute_tenant)
        await for_each(await self._storage.tenants_with_pending_profiles(), self._recompute_profiles_of)

    async def _recompute_tenant(self, key: str) -> None:
        async def work(writer: Writer) -> Sequence[RoleChange] | None:
            return await writer.recompute_some()

        changed = 0
        more = True
        while more:
            while (batch := await self._storage.write(key, work)) is not None:
                changed += len(batch)
            more = await self._storage.write(key, lambda writer: writer.measure_role_changes())
        _log.info("roles of existing users of %s follow its rules: %d changed", key, changed)

    async def _find_reasons(self) -> None:
        """Of roles that servers of before there were reasons have given."""
        for tenant in await self._storage.tenants_without_reasons():
            while await self._storage.write(tenant, lambda writer: writer.find_reasons()):
                pass

    async def _recompute_profiles_of(self, key: str) -> None:
        while await self._storage.write(key, lambda writer: writer.recompute_some_profiles()):
            pass

    async def _erase_departed(self) -> None:
        await for_each(await self._storage.tenants_to_erase(), self._stored_rules.erase)
