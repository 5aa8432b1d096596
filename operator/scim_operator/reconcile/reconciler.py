"""One reconcile of some ProvisioningConfigs of one shard, step by step:

1. gather     read what they depend on                          `gather.py`
2. read       what is stored of the shard                       `store.py`
3. plan       what the tenants should be, pure                  `planning.py`, `scim_operator.plan`
4. replace    write the shard if that differs, as far as it fits `store.py`, `fit.py`
5. deliver    push it to the servers                            `deliver.py`
6. publish    write the statuses that changed                   `publish.py`, `status.py`
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from scim_operator.api import PROVISIONING_CONFIG, ObjectKey
from scim_operator.cluster import ClusterClient, ClusterConflict, ClusterError, ClusterUnavailable
from scim_operator.delivery import Delivery, DeliveryReport, Progress
from scim_operator.plan import TenantPlan, delivered_plan, waiting_mappings
from scim_operator.reconcile.deliver import deliver
from scim_operator.reconcile.fit import ShardTooLarge
from scim_operator.reconcile.gather import Gathered, MappingKey, gather_all, gather_some
from scim_operator.reconcile.planning import PlannedTenant, plan_tenants
from scim_operator.reconcile.publish import Publisher
from scim_operator.reconcile.queue import RetryLater
from scim_operator.reconcile.shards import StoredShard, StoredTenant, shard_of_key
from scim_operator.reconcile.status import (
    config_status,
    mapping_status,
    programmed,
    secrets_note,
    shard_full,
    suspended_config_status,
    suspended_mapping_status,
)
from scim_operator.reconcile.store import ShardStore
from scim_operator.reconcile.triggers import Triggers

_ATTEMPTS = 5

_FULL = (
    "the shard that holds this ProvisioningConfig is full, and what is new waits; what was removed is out of effect"
)
_FULL_FOR_MAPPING = "the shard is full, and what is new in this mapping waits: see its ProvisioningConfig"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was said of the delivery of a tenant's part, which is as it is since a revision."""

    since: int
    report: DeliveryReport


@dataclass(frozen=True, slots=True)
class _Applied:
    """What came of one tenant's plan. `changed`: its part of the shard is new."""

    gathered: Gathered
    plan: TenantPlan
    stored: StoredTenant | None
    changed: bool
    waits: bool
    """Something of the plan doesn't fit into the shard."""

    waiting: frozenset[MappingKey]
    """Mappings of which something doesn't."""

    @property
    def departed(self) -> bool:
        """The shard says that the config is deleted."""
        return self.stored is not None and self.stored.tenant.deleted


class Reconciler:
    """Level-triggered: what it does depends on what it reads, never on the event that made it run."""

    def __init__(
        self,
        client: ClusterClient,
        store: ShardStore,
        delivery: Delivery,
        triggers: Triggers,
        publisher: Publisher,
        *,
        public_url: str | None = None,
        watching_secrets: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._store = store
        self._delivery = delivery
        self._triggers = triggers
        self._publisher = publisher
        self._public_url = (public_url or "").rstrip("/")
        self._watching_secrets = watching_secrets
        self._now = now
        self._told: dict[ObjectKey, _Told] = {}
        """What statuses say of the delivery."""
        self._waiting: set[ObjectKey] = set()
        """Configs of which not everything fits into the shard."""

    async def open(self) -> frozenset[ObjectKey]:
        """Read all shards, make those anew that are missing or damaged, and offer them to the servers. Returns the
        tenants that they hold. Raises `ClusterError` and `ShardTooLarge`."""
        shards = await self._store.open()
        lost = [stored for stored in shards if stored.bundle is None]
        if lost:
            exist = any(version is not None for stored in lost for version in stored.versions)
            log.log(
                logging.WARNING if exist else logging.INFO,
                "%d shards of the configuration are %s: making them from all ProvisioningConfigs",
                len(lost),
                "damaged or half written" if exist else "missing",
            )
            gathered = await self._gather_shards(lost)
            for stored in lost:
                of_shard = [one for one in gathered if shard_of_key(one.key) == stored.shard]
                await self._replace(stored, of_shard)
        await self._store.write_index()
        stored_now = [
            known for stored in shards if stored.shard is not None if (known := self._store.known(stored.shard))
        ]
        for stored in stored_now:
            if stored.bundle is not None:
                self._delivery.offer(stored.bundle)
        return frozenset(key for stored in stored_now for key in stored.tenants)

    def outdated(self) -> list[tuple[ObjectKey, bool]]:
        """Configs whose statuses say of the delivery what isn't so any more, and whether they wait for an answer."""
        reports: dict[tuple[int, int], DeliveryReport] = {}
        found = []
        for key, told in self._told.items():
            shard, since = shard_of_key(key), self._store.since(key)
            if (shard, since) not in reports:
                reports[shard, since] = self._delivery.report(shard, since)
            if not told.report.stands(reports[shard, since]):
                found.append((key, told.report.progress.passing))
        return found

    async def reconcile(self, shard: int, keys: Collection[ObjectKey]) -> Mapping[ObjectKey, Exception]:
        """Bring those configs of a shard, and the shard itself, to what they should be: one write at most.

        Returns what went wrong with single configs. Raises `RetryLater`, as may be returned, when something outside
        is missing; what its author must put right is no error. Nor is a server that doesn't do its part: `Delivery`
        goes on, and `outdated` tells what came of it.
        """
        try:
            gathered = await gather_some(self._client, keys)
            for one in gathered:
                self._triggers.remember(one.key, one.secret_keys, one.mapping_namespaces)
            return await self._reconcile_gathered(shard, gathered)
        except (ClusterError, ShardTooLarge) as error:
            raise RetryLater(str(error)) from error

    async def _reconcile_gathered(self, shard: int, gathered: Sequence[Gathered]) -> Mapping[ObjectKey, Exception]:
        stored, applied = await self._read_plan_replace(shard, gathered)
        self._note_waiting(shard, applied)
        await deliver(
            self._delivery, self._store, stored, max((self._store.since(each.key) for each in gathered), default=0)
        )
        reports = {each.gathered.key: self._report(shard, each.gathered.key) for each in applied}
        noted = [
            each.gathered
            for each in applied
            if each.departed and not each.changed and reports[each.gathered.key].progress is Progress.PROGRAMMED
        ]
        failures: dict[ObjectKey, Exception] = {}
        if noted:
            # Every server has noted that these configs are gone: their entries have done what they are for. Not at
            # once, so that a deletion is one revision while others wait: the next resync does it.
            failures |= await self._reconcile_gathered(shard, [replace(one, departure_noted=True) for one in noted])
        told = [each for each in applied if each.gathered not in noted]
        results = await asyncio.gather(
            *(self._publish(each, reports[each.gathered.key], stored.revision) for each in told),
            return_exceptions=True,
        )
        for each, result in zip(told, results, strict=True):
            if isinstance(result, ClusterError):
                failures[each.gathered.key] = RetryLater(str(result))
            elif isinstance(result, Exception):
                failures[each.gathered.key] = result
            elif isinstance(result, BaseException):
                raise result
        return failures

    async def _read_plan_replace(
        self, shard: int, gathered: Sequence[Gathered]
    ) -> tuple[StoredShard, Sequence[_Applied]]:
        """Steps 2 to 4, again where another client has written in between."""
        for _ in range(_ATTEMPTS):
            before = self._store.known(shard)
            stored = await self._store.read(shard)
            if before is not None and before is not stored:
                self._look_at_changed(before, stored, gathered)
            try:
                if stored.bundle is None:
                    log.warning(
                        "shard %d of the configuration is damaged: making it from its ProvisioningConfigs", shard
                    )
                    found = {one.key: one for one in await self._gather_shards([stored])}
                    replaced, planned = await self._replace(
                        stored, (found | {one.key: one for one in gathered}).values()
                    )
                else:
                    replaced, planned = await self._replace(stored, gathered)
                await self._store.write_index()
            except ClusterConflict as conflict:
                log.warning("another client wrote the configuration meanwhile, reading it again: %s", conflict)
                continue
            wanted = {one.key for one in gathered}
            return replaced, [_applied(each, stored, replaced) for each in planned if each.gathered.key in wanted]
        raise ClusterUnavailable(f"another client wrote the configuration {_ATTEMPTS} times meanwhile")

    async def _replace(
        self, stored: StoredShard, gathered: Iterable[Gathered]
    ) -> tuple[StoredShard, list[PlannedTenant]]:
        # In a thread: there may be dozens, and probes are answered meanwhile.
        token_key = self._store.token_key
        planned = await asyncio.to_thread(plan_tenants, list(gathered), stored.tenants, token_key, self._now())
        return await self._store.replace(stored, {each.gathered.key: each.wanted for each in planned}), planned

    async def _gather_shards(self, lost: Iterable[StoredShard]) -> list[Gathered]:
        """Everything that belongs into these shards, the oldest first."""
        shards = {stored.shard: stored for stored in lost}
        held = [key for stored in shards.values() for key in stored.tenants]
        return await gather_all(self._client, held, lambda key: shard_of_key(key) in shards)

    def _look_at_changed(self, before: StoredShard, after: StoredShard, gathered: Iterable[Gathered]) -> None:
        """Another client wrote the shard: the tenants that it changed are to be looked at."""
        keys = before.tenants.keys() | after.tenants.keys()
        changed = {key for key in keys if before.tenants.get(key) != after.tenants.get(key)}
        self._triggers.add(changed - {one.key for one in gathered})

    def _report(self, shard: int, key: ObjectKey) -> DeliveryReport:
        """What to say: what was said before, as long as it stands. Kept from now on, so that `outdated` sees what
        happens while it is written."""
        before, since = self._told.get(key), self._store.since(key)
        report = self._delivery.report(shard, since)
        if before is not None and before.since == since and before.report.stands(report):
            return before.report
        self._told[key] = _Told(since, report)
        return report

    def _note_waiting(self, shard: int, applied: Sequence[_Applied]) -> None:
        """A change of one tenant may make space for others of its shard."""
        keys = {each.gathered.key for each in applied}
        if any(each.changed for each in applied):
            self._triggers.add({key for key in self._waiting - keys if shard_of_key(key) == shard})
        self._waiting -= keys
        for each in applied:
            if each.waits:
                self._waiting.add(each.gathered.key)
                names = ", ".join(f"{kind} {key}" for kind, key in sorted(each.waiting))
                log.error(
                    "%s: shard %d is full: not everything is in effect: %s",
                    each.gathered.key,
                    shard,
                    names or "settings",
                )

    async def _publish(self, applied: _Applied, report: DeliveryReport, revision: int) -> None:
        gathered, plan = applied.gathered, applied.plan
        if gathered.nothing and not applied.departed:
            self._triggers.forget(gathered.key)
            self._told.pop(gathered.key, None)
        now, delivered = self._now(), programmed(report)
        writes = []
        if gathered.raw_config is not None and gathered.suspended:
            suspended = suspended_config_status(gathered.raw_config, plan.tenant is not None, now)
            writes.append(self._publisher.publish(PROVISIONING_CONFIG, gathered.raw_config, suspended, now))
            for (kind, _), raw in sorted(gathered.raw_mappings.items()):
                if (waiting := suspended_mapping_status(raw, now)) is not None:
                    writes.append(self._publisher.publish(kind, raw, waiting, now))
        tenant = self._delivery.tenant_status(str(gathered.key))
        self._publisher.note_told(gathered.key, tenant)
        for (kind, key), verdict in sorted(plan.mapping_verdicts.items()):
            raw = gathered.raw_mappings[kind, key]
            of_mapping = shard_full(_FULL_FOR_MAPPING, delivered) if (kind, key) in applied.waiting else delivered
            wanted = mapping_status(raw, verdict, of_mapping, now, tenant, kind)
            writes.append(self._publisher.publish(kind, raw, wanted, now))
        if plan.config_verdict is not None and gathered.raw_config is not None:
            wanted = config_status(
                gathered.raw_config,
                plan.config_verdict,
                shard_full(_FULL, delivered) if applied.waits else delivered,
                revision=_since_revision(applied, revision),
                endpoint=f"{self._public_url}/{gathered.key}/scim/v2",
                tenant=tenant,
                now=now,
                secrets_note=self._secrets_note(gathered),
            )
            writes.append(self._publisher.publish(PROVISIONING_CONFIG, gathered.raw_config, wanted, now))
        await asyncio.gather(*writes)
        if report.progress is Progress.STALE:
            raise RetryLater(report.message)

    def _secrets_note(self, gathered: Gathered) -> str:
        watching = self._watching_secrets
        return secrets_note(gathered.unwatched_secrets if watching else gathered.secret_keys, watching=watching)


def _applied(planned: PlannedTenant, before: StoredShard, after: StoredShard) -> _Applied:
    key = planned.gathered.key
    stored = after.tenants.get(key)
    delivered = stored.tenant if stored is not None else None
    waits = stored != planned.wanted
    return _Applied(
        gathered=planned.gathered,
        plan=delivered_plan(planned.plan, delivered) if waits else planned.plan,
        stored=stored,
        changed=before.tenants.get(key) != stored,
        waits=waits,
        waiting=waiting_mappings(planned.plan.tenant, delivered) if waits else frozenset(),
    )


def _since_revision(applied: _Applied, revision: int) -> int:
    """The revision of the shard with which the tenant's part last changed, as far as its status knows."""
    said = ((applied.gathered.raw_config or {}).get("status") or {}).get("revision")
    if applied.changed or not isinstance(said, int) or said <= 0:
        return revision
    return min(said, revision)
