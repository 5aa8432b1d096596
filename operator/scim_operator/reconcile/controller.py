"""The control loop put together: triggers, queue, workers, delivery and resync."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from scim_operator.api import ObjectKey
from scim_operator.cluster import ClusterClient, ClusterError
from scim_operator.delivery import Delivery, replicas_in
from scim_operator.reconcile.fit import ShardTooLarge
from scim_operator.reconcile.metrics import Metrics
from scim_operator.reconcile.publish import COUNTERS_SECONDS, Publisher
from scim_operator.reconcile.queue import WorkQueue
from scim_operator.reconcile.reconciler import Reconciler
from scim_operator.reconcile.schedule import Schedule
from scim_operator.reconcile.shards import ShardNames, shard_of_key
from scim_operator.reconcile.store import ShardStore
from scim_operator.reconcile.triggers import Triggers
from scim_server.config import SHARDS

RESYNC_SECONDS = (300.0, 600.0)
"""Each config is looked at again after a time in this range, events or not."""

_RESTORE_SECONDS = 1.0
_RESTORE_AGAIN_SECONDS = 5.0
"""After which time a status that another client changed is put right: at first, and when that happens again within a
minute, because another operator may write what this one doesn't."""
_RESTORED_SECONDS = 60.0
_RELIST_PAUSE = 0.2
_OPEN_RETRY_SECONDS = 2.0
_FIRST_REPLICAS_SECONDS = 5.0

Work = ObjectKey | int
"""A ProvisioningConfig, or a shard as such: whether it is as it was written, and of a revision that servers take."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    names: ShardNames
    server_service: ObjectKey | None = None
    """The Service whose EndpointSlices name the replicas; None: only those that `Delivery` was given."""

    server_tls_name: str | None = None
    """What the certificates of those replicas have to be for; None: they are spoken to in plain HTTP."""

    public_url: str | None = None
    workers: int = 4
    watch_secrets: bool = True
    counters_seconds: float = COUNTERS_SECONDS
    """How often a status may be written for its counters alone."""

    instance: str = "scim-operator"
    """Names this process, in Events and in the shards."""


class Controller:
    """`triggers` takes events; `running` does everything else."""

    def __init__(
        self, client: ClusterClient, delivery: Delivery, settings: ControllerSettings, metrics: Metrics
    ) -> None:
        self._client = client
        self._delivery = delivery
        self._settings = settings
        self._metrics = metrics
        self._store = ShardStore(client, settings.names, floor=delivery.floor, instance=settings.instance)
        self._queue: WorkQueue[Work] = WorkQueue(self._process, Schedule(group=_shard_of_work))
        self._publisher = Publisher(client, settings.instance, time.monotonic, settings.counters_seconds)
        self.triggers = Triggers(
            enqueue=self._queue.add,
            relisted=self._relisted,
            restore=self._restore,
            known_statuses=self._publisher.known_statuses,
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
        """Start, wait for all shards to be there, and stop at the end: what is under way is finished."""
        try:
            if self._settings.server_service is not None:
                self._start("replicas", self._follow_replicas(self._settings.server_service))
            await self._open_store()
            self._start("delivery", self._delivery.run())
            self._start("workers", self._queue.run(self._settings.workers))
            self._start("counters", self._refresh_counters())
            for shard, kind, key in self._settings.names.pairs:
                self._start(f"{kind} {key}", self._follow_shard(shard, kind, key))
            self._start("index", self._follow_index(self._settings.names.index_key))
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

    async def _open_store(self) -> None:
        """Read the shards, or make them from all configs, and look at every tenant that they hold: a config that was
        deleted while the operator was down has no event."""
        if self._settings.server_service is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_REPLICAS_SECONDS):
                    await self._replicas_known.wait()
        await self._delivery.poll()  # so that a new revision is above what the servers have seen
        while True:
            try:
                tenants = await self._reconciler.open()
            except (ClusterError, ShardTooLarge) as error:
                log.warning("the configuration can't be opened, trying again: %s", error)
                await asyncio.sleep(_OPEN_RETRY_SECONDS)
            else:
                self.triggers.add(tenants)
                return

    async def _follow_replicas(self, service: ObjectKey) -> None:
        async for slices in self._client.watch_endpoint_slices(service):
            self._delivery.set_discovered(replicas_in(slices, self._settings.server_tls_name))
            self._replicas_known.set()

    async def _follow_shard(self, shard: int, kind: str, key: ObjectKey) -> None:
        """Heal the shard when another client changed or deleted it."""
        async for version in self._client.watch_versions(kind, key):
            if not self._store.wrote(shard, kind, version):
                self._queue.add(shard)

    async def _follow_index(self, key: ObjectKey) -> None:
        async for version in self._client.watch_versions("ConfigMap", key):
            if self._store.reread_index(version):
                self._queue.add(SHARDS[0])

    async def _refresh_counters(self) -> None:
        while True:
            await asyncio.sleep(self._delivery.poll_seconds)
            await self._publisher.refresh_counters(self._delivery.tenant_status, datetime.now(UTC))
            for key in self._publisher.outdated(self._delivery.tenant_status):
                self._queue.add_after(key, 0.0)

    def _delivery_changed(self) -> None:
        """Only those are looked at again whose statuses say what isn't so any more; before the others those that wait
        for an answer."""
        for key, waits in self._reconciler.outdated():
            if waits:
                self._queue.add(key)
            else:
                self._queue.add_after(key, 0.0)
        for shard in self._delivery.stale:  # which gets a higher revision
            self._queue.add(shard)

    def _restore(self, key: ObjectKey, uid: str) -> None:
        now = time.monotonic()
        self._restored = {other: at for other, at in self._restored.items() if now - at < _RESTORED_SECONDS}
        self._queue.add_after(key, _RESTORE_AGAIN_SECONDS if uid in self._restored else _RESTORE_SECONDS)
        self._restored[uid] = now

    def _look_at_all(self) -> None:
        """Behind whatever events ask for."""
        for key in self.triggers.known:
            self._queue.add_after(key, 0.0)

    async def _process(self, work: Sequence[Work]) -> Mapping[Work, Exception]:
        """All of one shard."""
        keys = [item for item in work if isinstance(item, ObjectKey)]
        with self._metrics.reconcile(len(keys)) as outcomes:
            outcomes.failures = await self._reconciler.reconcile(_shard_of_work(work[0]), keys)
        for key in keys:
            if key not in self.triggers:
                self._publisher.forget(key)
            elif key not in outcomes.failures:
                self._queue.add_after(key, random.uniform(*RESYNC_SECONDS))  # noqa: S311 - spreads load
        return dict(outcomes.failures.items())

    def _relisted(self) -> None:
        """A list brings its objects one by one: look at everything once, shortly after the last of them."""
        if self._relist is not None:
            self._relist.cancel()
        self._relist = asyncio.get_running_loop().call_later(_RELIST_PAUSE, self._look_at_all)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.critical("%s ended", task.get_name(), exc_info=task.exception())
            self.failed.set()


def _shard_of_work(work: Work) -> int:
    return shard_of_key(work) if isinstance(work, ObjectKey) else work
