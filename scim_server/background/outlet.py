"""Sends the events of a tenant to one of its webhooks, as long as this server owns it.

A round notes what became of attempts, reads what is to be sent next, and goes on when an attempt ends, events came or
something is due. The database always knows enough to begin again: what was sent and isn't noted is sent once more,
with the same id.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol

from scim_server.clock import Clock
from scim_server.config import Webhook
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Reader, Storage, Writer
from scim_server.storage.records import Delivery, DeliveryState, StoredWebhook, WebhookProgress
from scim_server.storage.tables.deliveries import DueDelivery
from scim_server.storage.tables.events import StoredEvent
from scim_server.webhooks.bodies import body_of
from scim_server.webhooks.health import MOST_FAILING, Health
from scim_server.webhooks.lanes import Item, Lanes
from scim_server.webhooks.outcome import after_attempt
from scim_server.webhooks.retries import TRIED_FOR
from scim_server.webhooks.sender import CONNECTIONS, Answer, Sender
from scim_server.webhooks.signing import Signer
from scim_server.webhooks.target import Target

_log = logging.getLogger(__name__)

_WINDOW = 500
"""Events in memory."""
_NOTE_EVERY_SECONDS = 0.05
_SLOW_SECONDS = 2.0
"""After so long an attempt is noted as pending, so that the position can move past its event."""
_SLOW_ATTEMPT = timedelta(minutes=1)
"""Until then nobody tries a delivery that is noted so."""
_RETRY_SECONDS = 1.0
"""While the database is away."""
_LOOK_SECONDS = 30.0

NOT_KEPT = "the event is no longer kept"
NOT_WANTED = "the webhook is no longer for such events"
NO_KEY = "there is no signing key"
GIVEN_UP = "nothing could be delivered for three days"


class DeliveryObserver(Protocol):
    """Is told what becomes of deliveries."""

    def delivery(self, tenant: str, webhook: str, result: str) -> None:
        """`delivered`, `retried` or `given_up`."""
        ...


class Outlet:
    """`run` is its task. It sends as long as `may_send_for` says: after that another server may own the webhook."""

    def __init__(
        self,
        storage: Storage,
        target: Target,
        stored: StoredWebhook,
        owner: str,
        new_sender: Callable[[Webhook], Sender],
        observer: DeliveryObserver,
        clock: Clock,
    ) -> None:
        self._target = target
        self._next_target: Target | None = None
        self._storage = storage
        self._owner = owner
        self._new_sender = new_sender
        self._sender = new_sender(target.webhook)
        self._observer = observer
        self._clock = clock
        self._lanes = Lanes()
        self._attempts: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._noted_at = float("-inf")
        self._may_send_until = float("inf")
        self._is_stopping = False
        self._read_to = stored.position
        """All events up to here are in memory, or dealt with."""
        self._changed: list[Delivery] = []
        """To be noted."""
        self._hurry = False
        self._noted = WebhookProgress(
            stored.position,
            stored.disabled,
            stored.failing_since,
            stored.last_delivery,
            stored.last_failure,
            stored.last_error,
        )
        self._now = self._noted
        if stored.disabled != target.digest:  # it was configured anew since
            self._now = replace(self._noted, disabled=None)
        """What is to be noted."""
        self._health = Health(stored.failing_since)
        self._gave_up_in: datetime | None = None
        """The pause in which old events were given up."""
        self._signer = Signer(target.keys)

    def wake(self) -> None:
        self._wake.set()

    def configure(self, target: Target) -> None:
        """Go on with another configuration, after the attempts that are under way."""
        if target != (self._next_target or self._target):
            self._next_target = target
            self.wake()

    def may_send_for(self, seconds: float) -> None:
        """The database has heard of the owner: nobody else takes over within this time."""
        self._may_send_until = time.monotonic() + seconds

    def stop(self) -> None:
        """`run` ends as soon as the attempts have that are under way."""
        self._is_stopping = True
        self.wake()

    async def run(self) -> bool:
        """Until it is stopped, or another server owns the webhook: then it returns False."""
        try:
            while True:
                self._wake.clear()
                try:
                    wait = await self._round()
                except _NotOwner:
                    return False
                except StorageUnavailable:
                    wait = _RETRY_SECONDS
                except Exception:
                    _log.exception(
                        "delivering to webhook %s of %s failed", self._target.webhook.name, self._target.tenant
                    )
                    wait = _RETRY_SECONDS
                if wait is None:
                    return True
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                # Answers that come meanwhile are noted together.
                await asyncio.sleep(self._noted_at + _NOTE_EVERY_SECONDS - time.monotonic())
        finally:
            for attempt in self._attempts:
                attempt.cancel()
            await asyncio.gather(*self._attempts, return_exceptions=True)
            await self._sender.close()

    async def _round(self) -> float | None:
        """Seconds until the next one, at the latest; None after the last one."""
        now = self._clock()
        self._take_answers(now)
        await self._take_configuration()
        self._set_slow_ones_aside(now)
        can_send = self._can_send(now)
        if not can_send:
            self._set_aside(self._lanes.unload(), now)
        await self._note()
        if self._is_stopping:
            return _LOOK_SECONDS if self._attempts else None
        if not can_send:
            if self._health.is_away and self._lanes.is_idle:
                await self._give_up_old(now)
            return self._pause(now)
        if not self._health.is_away:
            await self._read(now)
        elif not self._lanes:
            await self._read_probes(now)
        await self._note()
        self._send()
        return _SLOW_SECONDS if self._lanes else _LOOK_SECONDS

    def _can_send(self, now: datetime) -> bool:
        return not (
            self._is_stopping
            or self._next_target is not None
            or self._now.disabled is not None
            or not self._target.keys
            or self._health.is_paused(now)
            or time.monotonic() > self._may_send_until
        )

    def _pause(self, now: datetime) -> float:
        until = self._health.paused_until
        if until is None or not self._health.is_paused(now):
            return _LOOK_SECONDS
        return min(_LOOK_SECONDS, (until - now).total_seconds())

    async def _take_configuration(self) -> None:
        if self._next_target is None or self._attempts:
            return
        before, self._target, self._next_target = self._target, self._next_target, None
        self._signer = Signer(self._target.keys)
        if self._target.webhook != before.webhook:
            await self._sender.close()
            self._sender = self._new_sender(self._target.webhook)
        if self._target.digest != before.digest:
            self._health = Health()
            self._hurry = True
        if self._now.disabled != self._target.digest:
            self._now = replace(self._now, disabled=None, failing_since=self._health.failing_since)

    def _take_answers(self, now: datetime) -> None:
        if not self._target.keys and self._now.last_error != NO_KEY:
            self._now = replace(
                self._now, failing_since=self._now.failing_since or now, last_failure=now, last_error=NO_KEY
            )
        answered, behind = self._lanes.collect()
        for item, answer in answered:
            self._took(item, answer, now)
        self._set_aside(behind, now)
        if answered:
            self._now = replace(self._now, failing_since=self._health.failing_since)

    def _took(self, item: Item, answer: Answer, now: datetime) -> None:
        delivery = after_attempt(item.delivery, answer, now)
        self._changed.append(delivery)
        self._observer.delivery(self._target.tenant, self._target.webhook.name, _RESULTS[delivery.state])
        if answer.error is None:
            self._hurry = self._health.delivered() or self._hurry
            self._now = replace(self._now, last_delivery=now)
            return
        self._health.failed(delivery.subject, answer, now)
        self._now = replace(self._now, last_failure=now, last_error=answer.error)
        self._tell(delivery, answer)
        if answer.gone:
            self._now = replace(self._now, disabled=self._target.digest)

    def _tell(self, delivery: Delivery, answer: Answer) -> None:
        name, tenant = self._target.webhook.name, self._target.tenant
        if answer.gone:
            _log.warning("webhook %s of %s is disabled: its receiver answered 410", name, tenant)
        elif delivery.state is DeliveryState.FAILED:
            _log.warning(
                "webhook %s of %s: event %s is given up: %s", name, tenant, delivery.event_id, delivery.error
            )
        elif delivery.attempts == 1:
            _log.info("webhook %s of %s: event %s: %s", name, tenant, delivery.event_id, delivery.error)

    def _set_aside(self, items: Iterable[Item], now: datetime) -> None:
        """Note that they are pending: they leave the memory."""
        self._changed += [item.delivery if item.is_stored else replace(item.delivery, next_at=now) for item in items]

    def _set_slow_ones_aside(self, now: datetime) -> None:
        """Note them, and what waits for them, as pending. They stay in memory."""
        slow = time.monotonic() - _SLOW_SECONDS
        subjects = {
            item.delivery.subject for item in self._lanes.items if item.began is not None and item.began < slow
        }
        if not subjects:
            return
        for item in self._lanes.items:
            if item.delivery.subject in subjects and not item.is_stored:
                item.is_stored = True
                item.delivery = replace(item.delivery, next_at=now)
                under_way = item.began is not None
                self._changed.append(
                    replace(item.delivery, next_at=now + _SLOW_ATTEMPT) if under_way else item.delivery
                )

    async def _note(self) -> None:
        """Write what changed, together with how far it is. Raises `_NotOwner`."""
        new = [item.delivery.position for item in self._lanes.not_noted if not item.is_stored]
        progress = replace(self._now, position=max(self._noted.position, min(new, default=self._read_to + 1) - 1))
        changed, hurry = self._changed, self._hurry
        if not changed and not hurry and progress == self._noted:
            return
        name = self._target.webhook.name

        async def work(writer: Writer) -> bool:
            return await writer.note_deliveries(name, self._owner, progress, changed, hurry=hurry)

        if not await self._storage.write(self._target.tenant, work):
            raise _NotOwner
        self._changed, self._hurry = self._changed[len(changed) :], False
        self._noted, self._now = progress, replace(self._now, position=progress.position)
        self._noted_at = time.monotonic()

    async def _read(self, now: datetime) -> None:
        """As much as there is room for in memory."""
        room = _WINDOW - len(self._lanes)
        if room < _WINDOW // 2:
            return
        name, types = self._target.webhook.name, self._target.types

        async def work(reader: Reader) -> tuple[Sequence[DueDelivery], Sequence[StoredEvent], set[str]]:
            due = await reader.due_deliveries(name, now, 2 * _WINDOW)
            events = await reader.events_after(self._read_to, room)
            subjects = {_subject(event) for event in events if event.type in types}
            return due, events, set(await reader.waiting_subjects(name, subjects) if subjects else ())

        due, events, waiting = await self._storage.read(self._target.tenant, work)
        here = {one.delivery.subject for one in due if one.delivery.subject in self._lanes}
        self._add_due([one for one in due if one.delivery.subject not in here][:_WINDOW])
        for event in events:
            if event.type not in types:
                continue
            delivery = _new_delivery(name, event, now)
            if delivery.subject in waiting:
                self._changed.append(delivery)
            else:
                self._lanes.add(Item(delivery, event, is_stored=False))
        if events:
            self._read_to = events[-1].position
        if len(events) == room:
            self.wake()

    async def _read_probes(self, now: datetime) -> None:
        """A few attempts for a receiver that may be back."""
        name = self._target.webhook.name

        async def work(reader: Reader) -> tuple[Sequence[DueDelivery], Sequence[StoredEvent]]:
            return await reader.next_deliveries(name, MOST_FAILING), await reader.events_after(self._read_to, 1)

        pending, events = await self._storage.read(self._target.tenant, work)
        self._add_due(pending)
        if pending:
            return
        for event in events:
            if event.type in self._target.types:
                self._lanes.add(Item(_new_delivery(name, event, now), event, is_stored=False))
            self._read_to = event.position
            self.wake()

    def _add_due(self, due: Iterable[DueDelivery]) -> None:
        for one in due:
            if one.event is None or one.delivery.type not in self._target.types:
                error = NOT_KEPT if one.event is None else NOT_WANTED
                self.wake()
                self._changed.append(replace(one.delivery, state=DeliveryState.FAILED, next_at=None, error=error))
            else:
                self._lanes.add(Item(one.delivery, one.event, is_stored=True))

    async def _give_up_old(self, now: datetime) -> None:
        """Of a receiver that is away: what it should have had three days ago, tried or not. Once in each pause."""
        failing_since = self._health.failing_since
        if self._gave_up_in == self._health.paused_until or failing_since is None or failing_since > now - TRIED_FOR:
            return
        name, types, oldest = self._target.webhook.name, self._target.types, now - TRIED_FOR

        async def work(writer: Writer) -> tuple[int, Sequence[StoredEvent]]:
            return (
                await writer.give_up_deliveries(name, oldest, GIVEN_UP),
                await writer.events_after(self._read_to, _WINDOW),
            )

        number, events = await self._storage.write(self._target.tenant, work)
        old = [*takewhile(lambda event: event.time <= oldest, events)]  # times don't ascend as positions do
        skipped = [
            replace(_new_delivery(name, event, now), state=DeliveryState.FAILED, next_at=None, error=GIVEN_UP)
            for event in old
            if event.type in types
        ]
        if old:
            self._changed += skipped
            self._read_to = old[-1].position
            await self._note()
            self.wake()
        else:
            self._gave_up_in = self._health.paused_until
        for _ in range(number + len(skipped)):
            self._observer.delivery(self._target.tenant, name, _RESULTS[DeliveryState.FAILED])
        if number + len(skipped):
            fields = name, self._target.tenant, number + len(skipped), GIVEN_UP
            _log.warning("webhook %s of %s: %d events are given up: %s", *fields)

    def _send(self) -> None:
        while len(self._attempts) < CONNECTIONS and (item := self._lanes.take(time.monotonic())) is not None:
            attempt = asyncio.create_task(self._send_from(item))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempts.discard)

    async def _send_from(self, item: Item | None) -> None:
        """One after the other, as long as there is something to send."""
        while item is not None:
            answer = await self._attempt(item)
            self._lanes.answer(item, answer)
            self._wake.set()
            # After a failure the next round decides whether to go on.
            can_send = answer.error is None and self._can_send(self._clock())
            item = self._lanes.take(time.monotonic()) if can_send else None

    async def _attempt(self, item: Item) -> Answer:
        now = self._clock()
        body = body_of(self._target.tenant, item.event, self._target.webhook.format)
        return await self._sender.send(body, self._signer.headers(item.event.id, body, now), now)


_RESULTS = {
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.PENDING: "retried",
    DeliveryState.FAILED: "given_up",
}


class _NotOwner(Exception):
    """Another server owns the webhook."""


def _new_delivery(webhook: str, event: StoredEvent, now: datetime) -> Delivery:
    return Delivery(
        webhook,
        event.position,
        event.id,
        event.type,
        _subject(event),
        event.time,
        DeliveryState.PENDING,
        attempts=0,
        since=now,
        next_at=now,
    )


def _subject(event: StoredEvent) -> str:
    return event.user_id or event.group_id or ""
