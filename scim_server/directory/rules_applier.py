"""Brings the role rules of each accepted configuration into the database, and users' roles after them.

Tenants that the configuration calls deleted are noted as departed, and erased when their time has come.

Every replica does this; the database lets one of them win (`put_rules`) and shares the rest (`settle_some`).
What a crash leaves is found again at start, and every replica looks now and then for what another one left.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from scim_server.config import ConfigBundle, ConfigHolder, Tenant
from scim_server.directory.tenant import ServedTenant
from scim_server.metrics import Metrics
from scim_server.provisioning.grants import RoleRules
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import RoleChange

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 30.0


class RulesApplier:
    """`run` is its background task. One per server."""

    def __init__(self, storage: Storage, holder: ConfigHolder, metrics: Metrics) -> None:
        self._storage = storage
        self._holder = holder
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._settled = asyncio.Condition()
        self._known: set[str] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._listeners: list[Callable[[str, Sequence[RoleChange]], None]] = []
        self.settled_revision = 0
        """The highest revision of this server's that the roles of all existing users follow."""
        holder.subscribe(lambda _: self._wake.set())

    def subscribe(self, listener: Callable[[str, Sequence[RoleChange]], None]) -> None:
        """`listener` is called with the tenant and the changes of roles of each committed batch."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Apply each configuration as it comes, until cancelled. Retries while the database is away."""
        retry = _FIRST_RETRY_SECONDS
        while True:
            self._wake.clear()
            try:
                await self._apply_current()
                retry, wait = _FIRST_RETRY_SECONDS, _LOOK_EVERY_SECONDS
            except StorageUnavailable:
                _log.warning("role rules wait for the database; next attempt in %.1f s", retry)
                retry, wait = min(retry * 2, _LAST_RETRY_SECONDS), retry
            except Exception:
                _log.exception("role rules could not be applied; next attempt in %.1f s", retry)
                retry, wait = min(retry * 2, _LAST_RETRY_SECONDS), retry
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def wait_settled(self, revision: int, seconds: float) -> bool:
        """Whether `revision` is settled, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._settled:
                await self._settled.wait_for(lambda: self.settled_revision >= revision)
        except TimeoutError:
            return False
        return True

    async def ensure_known(self, tenant: ServedTenant) -> None:
        """Before a tenant's first request: its base roles must stand in the database before its first user.

        Raises StorageUnavailable.
        """
        if tenant.key in self._known:
            return
        async with self._locks[tenant.key]:
            if tenant.key in self._known:
                return
            if await self._storage.read(tenant.key, lambda reader: reader.rules_version()) is None:
                await self._put(tenant.config, RoleRules.of(tenant.config), tenant.revision)
            self._known.add(tenant.key)

    async def _apply_current(self) -> None:
        bundle = self._holder.current
        if bundle is not None and bundle.revision > self.settled_revision:
            await self._put_all(bundle)
            await self._settle({tenant.key for tenant in bundle.config.tenants})
            await self._announce(bundle.revision)
        await self._settle()
        for key in await self._storage.tenants_to_erase():
            await self._erase(key)

    async def _put_all(self, bundle: ConfigBundle) -> None:
        tenants = {tenant.key: tenant for tenant in bundle.config.tenants if not tenant.deleted}
        rules = {key: RoleRules.of(tenant) for key, tenant in tenants.items()}
        others = await self._storage.bump_revisions(
            {key: each.fingerprint for key, each in rules.items()},
            bundle.revision,
            {key: tenant.uid for key, tenant in tenants.items() if tenant.uid is not None},
        )
        for key in others:
            await self._put(tenants[key], rules[key], bundle.revision)
        self._known = set(rules)
        for tenant in bundle.config.tenants:
            if tenant.deleted:
                await self._depart(tenant, bundle.revision)

    async def _put(self, tenant: Tenant, rules: RoleRules, revision: int) -> None:
        async def work(writer: Writer) -> bool:
            return await writer.put_rules(rules, revision, tenant.uid)

        await self._erase(tenant.key)  # in batches, what of a former tenant of this name is to be erased
        if await self._storage.write(tenant.key, work, exclusive=True):
            _log.info("role rules of %s are of revision %d", tenant.key, revision)

    async def _depart(self, tenant: Tenant, revision: int) -> None:
        keep = timedelta(seconds=tenant.kept_after_deletion_seconds)

        async def work(writer: Writer) -> bool:
            return await writer.depart(keep, revision)

        if await self._storage.write(tenant.key, work, exclusive=True):
            _log.info("%s is deleted; its users are kept for %s", tenant.key, keep)

    async def _erase(self, key: str) -> None:
        async def work(writer: Writer) -> bool:
            return await writer.erase_some()

        erased = False
        while await self._storage.write(key, work, exclusive=True):
            erased = True
        if erased:
            _log.info("the users and groups of %s, which was deleted, are erased", key)

    async def _settle(self, among: Collection[str] | None = None) -> None:
        """The tenants that need it; None: also those that the configuration doesn't have any more."""
        for key in await self._storage.unsettled_tenants():
            if among is None or key in among:
                await self._settle_tenant(key)

    async def _settle_tenant(self, key: str) -> None:
        async def work(writer: Writer) -> Sequence[RoleChange] | None:
            return await writer.settle_some()

        changed = 0
        while (batch := await self._storage.write(key, work)) is not None:
            changed += len(batch)
            for listener in self._listeners:
                listener(key, batch)
        _log.info("roles of existing users of %s follow its rules: %d changed", key, changed)

    async def _announce(self, revision: int) -> None:
        async with self._settled:
            self.settled_revision = max(self.settled_revision, revision)
            self._settled.notify_all()
        self._metrics.config_applied_revision.set(self.settled_revision)
