"""The control loop put together: triggers, queue, workers, delivery and resync."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from scim_operator.api import ObjectKey
from scim_operator.cluster import ClusterClient, ClusterError
from scim_operator.delivery import Delivery, replicas_in
from scim_operator.reconcile.apply import DocumentStore
from scim_operator.reconcile.document import DocumentNames, DocumentTooLarge
from scim_operator.reconcile.metrics import Metrics
from scim_operator.reconcile.publish import Publisher
from scim_operator.reconcile.queue import WorkQueue
from scim_operator.reconcile.reconciler import Reconciler
from scim_operator.reconcile.triggers import Triggers

RESYNC_SECONDS = (300.0, 600.0)
"""Each config is looked at again after a time in this range, events or not."""

_RESTORE_SECONDS = 1.0
_RESTORE_AGAIN_SECONDS = 5.0
"""After which time a status that somebody else changed is put right: at first, and when that happens again within a
minute, because another operator may write what this one doesn't."""
_RESTORED_SECONDS = 60.0
_RELIST_PAUSE = 0.2
_OPEN_RETRY_SECONDS = 2.0
_FIRST_REPLICAS_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    names: DocumentNames
    server_service: ObjectKey | None = None
    """The Service whose EndpointSlices name the replicas; None: only those that `Delivery` was given."""

    public_url: str | None = None
    workers: int = 4
    watch_secrets: bool = True
    instance: str = "scim-operator"
    """Names this process, in Events and in the document."""


class Controller:
    """`triggers` takes events; `running` does everything else."""

    def __init__(
        self, client: ClusterClient, delivery: Delivery, settings: ControllerSettings, metrics: Metrics
    ) -> None:
        self._client = client
        self._delivery = delivery
        self._settings = settings
        self._metrics = metrics
        self._store = DocumentStore(client, settings.names, floor=lambda: delivery.floor, instance=settings.instance)
        self._queue: WorkQueue[ObjectKey] = WorkQueue(self._process)
        self._publisher = Publisher(client, settings.instance, time.monotonic)
        self.triggers = Triggers(
            enqueue=self._queue.add,
            relisted=self._relisted,
            restore=self._restore,
            written=self._publisher.written,
        )
        self._reconciler = Reconciler(
            client,
            self._store,
            delivery,
            self.triggers,
            self._publisher,
            public_url=settings.public_url,
            watching_secrets=settings.watch_secrets,
        )
        self._restored: dict[str, float] = {}
        self._relist: asyncio.TimerHandle | None = None
        self._replicas_known = asyncio.Event()
        self.failed = asyncio.Event()
        """Set when one of the tasks ends by itself: the process must end then."""
        self._tasks: list[asyncio.Task[None]] = []
        delivery.on_change = self._delivery_changed
        metrics.watch(lambda: len(self._queue), delivery)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start, wait for the document to be there, and stop at the end: what is under way is finished."""
        try:
            if self._settings.server_service is not None:
                self._start("replicas", self._follow_replicas(self._settings.server_service))
            await self._open_document()
            self._start("delivery", self._delivery.run())
            self._start("workers", self._queue.run(self._settings.workers))
            self._start("counters", self._refresh_counters())
            names = self._settings.names
            self._start("document", self._follow_document("ConfigMap", names.config_map_key))
            self._start("document's secrets", self._follow_document("Secret", names.secret_key))
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._delivery.close()

    def failure(self) -> str | None:
        """Why the loop doesn't work any more; None while it does."""
        dead = [task.get_name() for task in self._tasks if task.done()]
        return f"stopped: {', '.join(dead)}" if dead else None

    def _start(self, name: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def _open_document(self) -> None:
        """Read the document, or make it from all configs, and look at every tenant that it holds: a config that was
        deleted while the operator was down has no event."""
        if self._settings.server_service is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_REPLICAS_SECONDS):
                    await self._replicas_known.wait()
        await self._delivery.poll()  # so that a new revision is above what the servers have seen
        while True:
            try:
                bundle, tenants = await self._store.open()
            except (ClusterError, DocumentTooLarge) as error:
                log.warning("the document can't be opened, trying again: %s", error)
                await asyncio.sleep(_OPEN_RETRY_SECONDS)
            else:
                self._delivery.offer(bundle)
                self.triggers.add(tenants)
                return

    async def _follow_replicas(self, service: ObjectKey) -> None:
        async for slices in self._client.watch_endpoint_slices(service):
            self._delivery.set_discovered(replicas_in(slices))
            self._replicas_known.set()

    async def _follow_document(self, kind: str, key: ObjectKey) -> None:
        """Heal the document when somebody else changed or deleted it."""
        async for version in self._client.watch_versions(kind, key):
            try:
                changed = await self._store.check(kind, version)
            except (ClusterError, DocumentTooLarge) as error:
                log.warning("the document was changed by somebody else and can't be healed yet: %s", error)
                await asyncio.sleep(_OPEN_RETRY_SECONDS)
                for known in self.triggers.known[:1]:  # any reconcile heals it, and goes on trying
                    self._queue.add(known)
                continue
            if changed is not None:
                bundle, tenants = changed
                self._delivery.offer(bundle)
                self.triggers.add(tenants)
                self._delivery_changed()

    async def _refresh_counters(self) -> None:
        while True:
            await asyncio.sleep(self._delivery.poll_seconds)
            await self._publisher.refresh_counters(self._delivery.tenant_status, datetime.now(UTC))

    def _delivery_changed(self) -> None:
        """Only those are looked at again whose statuses say what isn't so any more; before the others those that wait
        for an answer."""
        outdated = self._reconciler.outdated()
        for key, waits in outdated:
            if waits:
                self._queue.add(key)
            else:
                self._queue.add_after(key, 0.0)
        if self._delivery.stale and not outdated:
            for key in self.triggers.known[:1]:  # any reconcile gives the document a higher revision
                self._queue.add(key)

    def _restore(self, key: ObjectKey, uid: str) -> None:
        now = time.monotonic()
        self._restored = {other: at for other, at in self._restored.items() if now - at < _RESTORED_SECONDS}
        self._queue.add_after(key, _RESTORE_AGAIN_SECONDS if uid in self._restored else _RESTORE_SECONDS)
        self._restored[uid] = now

    def _look_at_all(self) -> None:
        """Behind whatever events ask for."""
        for key in self.triggers.known:
            self._queue.add_after(key, 0.0)

    async def _process(self, key: ObjectKey) -> None:
        with self._metrics.reconcile():
            await self._reconciler.reconcile(key)
        if key not in self.triggers:
            self._publisher.forget(key)
        else:
            self._queue.add_after(key, random.uniform(*RESYNC_SECONDS))  # noqa: S311 - spreads load

    def _relisted(self) -> None:
        """A list brings its objects one by one: look at everything once, shortly after the last of them."""
        if self._relist is not None:
            self._relist.cancel()
        self._relist = asyncio.get_running_loop().call_later(_RELIST_PAUSE, self._look_at_all)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.critical("%s ended", task.get_name(), exc_info=task.exception())
            self.failed.set()
