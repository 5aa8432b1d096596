"""Sends events to webhooks: says which webhooks there are, and which of them this server sends to.

Every replica does this. The database lets one of them send to a webhook at a time (`tables/webhooks.py`); the others
take over within half a minute when it is gone, and at once when it has stopped.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from scim_server.background.outlet import DeliveryObserver, Outlet
from scim_server.background.worker import Worker, for_each
from scim_server.clock import Clock
from scim_server.config import ConfigHolder, shard_of
from scim_server.storage.effects import Effects
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import StoredWebhook
from scim_server.webhooks.sender import ANSWER_SECONDS, Sender
from scim_server.webhooks.target import Target

_LOOK_EVERY = timedelta(seconds=1)
"""For events that other replicas have written."""
_BEAT_SECONDS = 4.0
_TAKE_OVER_SECONDS = 20.0
"""An owner whose beat doesn't move for so long is gone."""
_MAY_SEND_SECONDS = _TAKE_OVER_SECONDS - ANSWER_SECONDS - 2.0
"""After its beat an owner begins attempts for so long: the last one ends before another server takes over."""

WebhookKey = tuple[str, str]
"""Tenant and name."""


@dataclass(frozen=True, slots=True)
class _Running:
    outlet: Outlet
    task: asyncio.Task[bool]


@dataclass(frozen=True, slots=True)
class _Seen:
    owner: str | None
    beat: int
    since: float
    """Seconds of this process's own clock."""


class DeliveryWork:
    """`worker` is its background task. One per server. `allow_loopback`: receivers may be on this machine."""

    def __init__(
        self,
        storage: Storage,
        holder: ConfigHolder,
        observer: DeliveryObserver,
        clock: Clock,
        *,
        allow_loopback: bool = False,
        answer_seconds: float = ANSWER_SECONDS,
        take_over_seconds: float = _TAKE_OVER_SECONDS,
    ) -> None:
        self._storage = storage
        self._holder = holder
        self._observer = observer
        self._clock = clock
        self._new_sender = partial(Sender, allow_loopback=allow_loopback, answer_seconds=answer_seconds)
        self._take_over_seconds = take_over_seconds
        self._owner = str(uuid.uuid4())
        self._running: dict[WebhookKey, _Running] = {}
        self._seen: dict[WebhookKey, _Seen] = {}
        self._beat_at = float("-inf")
        self._is_stopping = False
        self.worker = Worker("delivering events", self.do, clock)
        storage.subscribe(self._look_at)
        holder.subscribe(lambda _: self.worker.wake())

    def _look_at(self, tenant: str, effects: Effects) -> None:
        for (of_tenant, _), running in self._running.items():
            if of_tenant == tenant:
                running.outlet.wake()

    async def do(self) -> datetime | None:
        """One round. Raises `StorageUnavailable`."""
        targets = self._targets()
        await self._beat()
        stored = await self._storage.webhooks()
        if await self._agree(targets, stored):
            stored = await self._storage.webhooks()
        self._watch(stored)
        self._end_others(targets, stored)
        await for_each([each for each in stored if (each.tenant, each.name) in targets], partial(self._run, targets))
        return self._clock() + _LOOK_EVERY if targets or stored else None

    def stop_sending(self) -> None:
        """No attempt begins from now on. What is under way ends, and is noted."""
        self._is_stopping = True
        for running in self._running.values():
            running.outlet.stop()

    async def close(self) -> None:
        """After `stop_sending`, and when `worker` has ended."""
        self.stop_sending()
        running, self._running = self._running, {}
        tasks = {each.task for each in running.values()}
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=2 * ANSWER_SECONDS)
            for task in left:  # the database is away
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _targets(self) -> Mapping[WebhookKey, Target]:
        current = self._holder.current
        if current is None:
            return {}
        keys = current.secrets.webhook_keys
        return {
            (tenant.key, webhook.name): Target(
                tenant.key,
                webhook,
                keys.get(tenant.webhook_key(webhook.name), ()),
                self._holder.revision_of(shard_of(tenant.key)),
            )
            for tenant in current.config.tenants
            if not tenant.deleted
            for webhook in tenant.webhooks
        }

    async def _agree(self, targets: Mapping[WebhookKey, Target], stored: Sequence[StoredWebhook]) -> bool:
        """Let the database know the webhooks of this configuration, and forget those that it no longer has. Whether
        anything changed. What a newer configuration says, which another replica has, stays."""
        revisions = {(each.tenant, each.name): each.revision for each in stored}
        current = self._holder.current
        if current is None:
            return False
        tenants = {tenant.key for tenant in current.config.tenants if not tenant.deleted}
        new = [key for key, target in targets.items() if revisions.get(key, -1) < target.revision]
        gone = [
            key
            for key, revision in revisions.items()
            if key not in targets and key[0] in tenants and revision < self._holder.revision_of(shard_of(key[0]))
        ]

        async def work(
            types: Mapping[str, Collection[str]], forgotten: Sequence[str], revision: int, writer: Writer
        ) -> None:
            await writer.know_webhooks(types, revision)
            for name in forgotten:
                await writer.forget_webhook(name, revision)

        async def write(tenant: str) -> None:
            types = {name: targets[of, name].types for of, name in new if of == tenant}
            forgotten = [name for of, name in gone if of == tenant]
            revision = self._holder.revision_of(shard_of(tenant))
            await self._storage.write(tenant, partial(work, types, forgotten, revision))

        await for_each(sorted({tenant for tenant, _ in (*new, *gone)}), write)
        return bool(new or gone)

    async def _beat(self) -> None:
        began = time.monotonic()
        if not self._running or began - self._beat_at < min(_BEAT_SECONDS, self._take_over_seconds / 5):
            return
        await self._storage.beat_webhooks(self._owner)
        self._beat_at = began
        for running in self._running.values():
            running.outlet.may_send_for(self._may_send_seconds)
            running.outlet.wake()

    @property
    def _may_send_seconds(self) -> float:
        return _MAY_SEND_SECONDS * self._take_over_seconds / _TAKE_OVER_SECONDS

    def _watch(self, stored: Sequence[StoredWebhook]) -> None:
        """Remember since when each owner has shown no sign of life."""
        now = time.monotonic()
        before, self._seen = self._seen, {}
        for each in stored:
            key = (each.tenant, each.name)
            seen = before.get(key)
            is_same = seen is not None and (seen.owner, seen.beat) == (each.owner, each.beat)
            self._seen[key] = seen if is_same and seen is not None else _Seen(each.owner, each.beat, now)

    def _end_others(self, targets: Mapping[WebhookKey, Target], stored: Sequence[StoredWebhook]) -> None:
        """Outlets of webhooks that are gone, or that another server owns."""
        owned = {(each.tenant, each.name) for each in stored if each.owner == self._owner}
        for key, running in [*self._running.items()]:
            if running.task.done():
                del self._running[key]
            elif key not in targets or key not in owned:
                running.outlet.stop()

    async def _run(self, targets: Mapping[WebhookKey, Target], stored: StoredWebhook) -> None:
        key = (stored.tenant, stored.name)
        target = targets[key]
        if (running := self._running.get(key)) is not None:
            running.outlet.configure(target)
            if stored.is_behind or (stored.next_at is not None and stored.next_at <= self._clock()):
                running.outlet.wake()
            return
        if self._is_stopping or not await self._claim(stored):
            return
        new_sender: partial[Sender] = self._new_sender
        outlet = Outlet(self._storage, target, stored, self._owner, new_sender, self._observer, self._clock)
        outlet.may_send_for(self._may_send_seconds)
        self._running[key] = _Running(outlet, asyncio.create_task(self._run_outlet(outlet, key)))

    async def _run_outlet(self, outlet: Outlet, key: WebhookKey) -> bool:
        is_owner = await outlet.run()
        tenant, name = key
        if is_owner:
            with contextlib.suppress(StorageUnavailable):  # then others wait until it is taken for gone
                await self._storage.write(tenant, lambda writer: writer.release_webhook(name, self._owner))
        return is_owner

    async def _claim(self, stored: StoredWebhook) -> bool:
        seen = self._seen[stored.tenant, stored.name]
        is_alive = time.monotonic() - seen.since < self._take_over_seconds
        if seen.owner is not None and seen.owner != self._owner and is_alive:
            return False

        async def work(writer: Writer) -> bool:
            return await writer.claim_webhook(stored.name, self._owner, seen.owner, seen.beat)

        return await self._storage.write(stored.tenant, work)
