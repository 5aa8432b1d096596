"""One reconcile of one ProvisioningConfig: gather → plan → apply → deliver → report."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from scim_operator.api import PROVISIONING_CONFIG, ROLE_MAPPING, ObjectKey
from scim_operator.cluster import ClusterClient, ClusterError
from scim_operator.delivery import Delivery, DeliveryReport, Progress
from scim_operator.reconcile.apply import Applied, DocumentStore
from scim_operator.reconcile.deliver import deliver
from scim_operator.reconcile.document import DocumentTooLarge
from scim_operator.reconcile.gather import Gathered, gather
from scim_operator.reconcile.publish import Publisher
from scim_operator.reconcile.queue import RetryLater
from scim_operator.reconcile.status import (
    Programmed,
    config_status,
    mapping_status,
    programmed,
    secrets_note,
    suspended_config_status,
    suspended_mapping_status,
    too_large,
)
from scim_operator.reconcile.triggers import Triggers

_NO_ROOM = "the document has no room for what is new in this mapping: see the condition of its ProvisioningConfig"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was said of the delivery of a tenant's part, which is as it is since a revision."""

    since: int
    report: DeliveryReport


class Reconciler:
    """Level-triggered: what it does depends on what it reads, never on the event that made it run."""

    def __init__(
        self,
        client: ClusterClient,
        store: DocumentStore,
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
        self._short: set[ObjectKey] = set()
        """Configs of which not everything has room in the document."""

    def outdated(self) -> list[tuple[ObjectKey, bool]]:
        """Configs whose statuses say of the delivery what isn't so any more, and whether they wait for an answer."""
        reports: dict[int, DeliveryReport] = {}
        found = []
        for key, told in self._told.items():
            since = self._store.since(key)
            if since not in reports:
                reports[since] = self._delivery.report(since)
            if not told.report.stands(reports[since]):
                found.append((key, told.report.progress.passing))
        return found

    async def reconcile(self, key: ObjectKey) -> None:
        """Raises `RetryLater` when something outside is missing; what its author must put right doesn't raise. Nor
        does a server that doesn't do its part: `Delivery` goes on, and `outdated` tells what came of it."""
        try:
            gathered = await gather(self._client, key)
            self._triggers.remember(key, gathered.secret_keys, gathered.mapping_namespaces)
            report = await self._bring_about(gathered)
        except (ClusterError, DocumentTooLarge) as error:
            raise RetryLater(str(error)) from error
        if report.progress is Progress.STALE:
            raise RetryLater(report.message)

    async def _bring_about(self, gathered: Gathered) -> DeliveryReport:
        applied = await self._store.merge(gathered)
        self._note_shortage(gathered.key, applied)
        report = self._tell(gathered.key, await deliver(self._delivery, self._store, gathered.key, applied))
        if applied.departed and not applied.changed and report.progress is Progress.PROGRAMMED:
            # Every server has noted that the config is gone: its entry has done what it is for. Not at once, so that
            # a deletion is one revision while others wait: the next resync does it.
            return await self._bring_about(replace(gathered, departure_noted=True))
        if gathered.nothing and not applied.departed:
            self._triggers.forget(gathered.key)
            self._told.pop(gathered.key, None)
        # The tenant's part may be older than the document: then its revision is the one that was said.
        revision = applied.bundle.revision
        said = None if applied.changed else _said_revision(gathered)
        await self._publish(gathered, applied, programmed(report), min(said or revision, revision))
        return report

    def _tell(self, key: ObjectKey, report: DeliveryReport) -> DeliveryReport:
        """What to say: what was said before, as long as it stands. Kept from now on, so that `outdated` sees what
        happens while it is written."""
        before, since = self._told.get(key), self._store.since(key)
        if before is not None and before.since == since and before.report.stands(report):
            return before.report
        self._told[key] = _Told(since, report)
        return report

    def _note_shortage(self, key: ObjectKey, applied: Applied) -> None:
        """A change of one tenant may make room for others."""
        if applied.changed:
            self._triggers.add(self._short - {key})
        if applied.shortage is None:
            self._short.discard(key)
        else:
            self._short.add(key)
            log.error("%s: %s", key, applied.shortage.message)

    async def _publish(self, gathered: Gathered, applied: Applied, delivered: Programmed, revision: int) -> None:
        now = self._now()
        writes = []
        shortage, plan = applied.shortage, applied.plan
        if gathered.raw_config is not None and gathered.suspended:
            wanted = suspended_config_status(gathered.raw_config, plan.tenant is not None, now)
            writes.append(self._publisher.publish(PROVISIONING_CONFIG, gathered.raw_config, wanted, now))
            for (kind, _), raw in sorted(gathered.raw_mappings.items()):
                if (waiting := suspended_mapping_status(raw, now)) is not None:
                    writes.append(self._publisher.publish(kind, raw, waiting, now))
        tenant = self._delivery.tenant_status(str(gathered.key))
        for (kind, key), verdict in sorted(plan.mapping_verdicts.items()):
            raw = gathered.raw_mappings[kind, key]
            told = delivered
            if shortage is not None and (kind, key) in shortage.mappings:
                told = too_large(_NO_ROOM, delivered)
            wanted = mapping_status(raw, verdict, told, now, tenant if kind == ROLE_MAPPING else None)
            writes.append(self._publisher.publish(kind, raw, wanted, now))
        if plan.config_verdict is not None and gathered.raw_config is not None:
            told = too_large(shortage.message, delivered) if shortage is not None else delivered
            wanted = config_status(
                gathered.raw_config,
                plan.config_verdict,
                told,
                revision=revision,
                endpoint=f"{self._public_url}/{gathered.key}/scim/v2",
                tenant=tenant,
                now=now,
                secrets_note=self._secrets_note(gathered),
            )
            writes.append(self._publisher.publish(PROVISIONING_CONFIG, gathered.raw_config, wanted, now))
        await asyncio.gather(*writes)

    def _secrets_note(self, gathered: Gathered) -> str:
        watching = self._watching_secrets
        return secrets_note(gathered.unwatched_secrets if watching else gathered.secret_keys, watching=watching)


def _said_revision(gathered: Gathered) -> int | None:
    said = ((gathered.raw_config or {}).get("status") or {}).get("revision")
    return said if isinstance(said, int) and said > 0 else None
