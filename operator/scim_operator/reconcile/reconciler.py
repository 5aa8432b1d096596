"""One reconcile of one ProvisioningConfig: gather → plan → apply → deliver → report."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from scim_operator.api import PROVISIONING_CONFIG, ObjectKey
from scim_operator.cluster import ClusterClient, ClusterError
from scim_operator.delivery import Delivery
from scim_operator.reconcile.apply import Applied, DocumentStore
from scim_operator.reconcile.deliver import deliver
from scim_operator.reconcile.document import DocumentTooLarge
from scim_operator.reconcile.gather import Gathered, gather
from scim_operator.reconcile.publish import Publisher
from scim_operator.reconcile.queue import RetryLater
from scim_operator.reconcile.status import Programmed, config_status, mapping_status, programmed, too_large
from scim_operator.reconcile.triggers import Triggers

_NO_ROOM = "the document has no room for what is new in this mapping: see the condition of its ProvisioningConfig"

log = logging.getLogger(__name__)


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
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._store = store
        self._delivery = delivery
        self._triggers = triggers
        self._publisher = publisher
        self._public_url = (public_url or "").rstrip("/")
        self._now = now
        self._short: set[ObjectKey] = set()
        """Configs of which not everything has room in the document."""

    async def reconcile(self, key: ObjectKey) -> None:
        """Raises `RetryLater` when something outside is missing; what its author must put right doesn't raise."""
        try:
            gathered = await gather(self._client, key)
            self._triggers.remember(key, gathered.secret_keys, gathered.mapping_namespaces)
            delivered = await self._bring_about(gathered)
        except (ClusterError, DocumentTooLarge) as error:
            raise RetryLater(str(error)) from error
        if delivered.under_way:
            raise RetryLater(delivered.condition.message)

    async def _bring_about(self, gathered: Gathered) -> Programmed:
        applied = await self._store.merge(gathered)
        self._note_shortage(gathered.key, applied)
        delivered = programmed(await deliver(self._delivery, self._store, applied.bundle))
        if applied.departed and not applied.changed and not delivered.under_way:
            # Every server has noted that the config is gone: its entry has done what it is for. Not at once, so that
            # a deletion is one revision while others wait: the next resync does it.
            return await self._bring_about(replace(gathered, departure_noted=True))
        if gathered.nothing and not applied.departed:
            self._triggers.forget(gathered.key)
        # The tenant's part may be older than the document: then its revision is the one that was said.
        revision = applied.bundle.revision
        said = None if applied.changed else _said_revision(gathered)
        await self._publish(gathered, applied, delivered, min(said or revision, revision))
        return delivered

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
        for (kind, key), verdict in sorted(plan.mapping_verdicts.items()):
            raw = gathered.raw_mappings[kind, key]
            told = delivered
            if shortage is not None and (kind, key) in shortage.mappings:
                told = too_large(_NO_ROOM, delivered)
            writes.append(self._publisher.publish(kind, raw, mapping_status(raw, verdict, told, now), now))
        if plan.config_verdict is not None and gathered.raw_config is not None:
            told = too_large(shortage.message, delivered) if shortage is not None else delivered
            wanted = config_status(
                gathered.raw_config,
                plan.config_verdict,
                told,
                revision=revision,
                endpoint=f"{self._public_url}/{gathered.key}/scim/v2",
                tenant=self._delivery.tenant_status(str(gathered.key)),
                now=now,
            )
            writes.append(self._publisher.publish(PROVISIONING_CONFIG, gathered.raw_config, wanted, now))
        await asyncio.gather(*writes)


def _said_revision(gathered: Gathered) -> int | None:
    said = ((gathered.raw_config or {}).get("status") or {}).get("revision")
    return said if isinstance(said, int) and said > 0 else None
