"""Brings the newest document to every replica, and keeps it there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from scim_operator.delivery.management import (
    ConfigRefused,
    ManagementClient,
    ManagementError,
    ReplicaStatus,
    RevisionRefused,
    TenantStatus,
)
from scim_operator.delivery.replicas import Replica
from scim_operator.delivery.report import DeliveryReport, ReplicaState, report
from scim_server.config import ConfigBundle

POLL_SECONDS = 10.0
"""How often each replica is asked what it runs: within this time a restarted one has the document again."""

PATIENCE_SECONDS = 1.0
"""How long a delivery waits for answers. A replica that hangs delays neither the others nor what is said of them."""

log = logging.getLogger(__name__)


class _Known(NamedTuple):
    """What was told of a replica."""

    faults: tuple[Replica, bool, str, str]
    current: bool


class Delivery:
    """Knows the replicas, what each of them runs, and the newest document.

    `on_change` is called when something happened that changes what the conditions of all should say: a replica came,
    went, failed, recovered, or answered late.
    """

    def __init__(
        self,
        client: ManagementClient,
        fixed: Iterable[Replica] = (),
        *,
        poll_seconds: float = POLL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._client = client
        self._poll_seconds = poll_seconds
        self._patience_seconds = patience_seconds
        self._fixed = tuple(fixed)
        self._states: dict[str, ReplicaState] = {item.url: ReplicaState(item) for item in self._fixed}
        self._locks: dict[str, asyncio.Lock] = {}
        self._pushes: dict[str, asyncio.Task[None]] = {}
        """Those that go on, one per replica at most."""
        self._late: set[asyncio.Task[None]] = set()
        """Those whose end somebody didn't wait for, so that it has to be told."""
        self._visits: dict[str, asyncio.Task[None]] = {}
        """Polls that go on, likewise."""
        self._tenants: Mapping[str, TenantStatus] = {}
        self._newest: ConfigBundle | None = None
        self._encoded = b""
        self._announced: list[_Known] = []
        self._wake = asyncio.Event()

    @property
    def floor(self) -> int:
        """The highest revision that any server is known to have seen."""
        return max((state.floor for state in self._states.values()), default=0)

    @property
    def replicas(self) -> tuple[Replica, ...]:
        return tuple(state.replica for state in self._states.values())

    @property
    def revision(self) -> int:
        """Of the newest document; 0 before there is one."""
        return self._newest.revision if self._newest is not None else 0

    @property
    def current_replicas(self) -> int:
        """How many replicas have the newest document, and nothing left to be done for it."""
        return sum(state.has(self.revision) for state in self._states.values())

    def tenant_status(self, tenant: str) -> TenantStatus | None:
        """What the servers last said of a tenant (`namespace/name`); at most about `poll_seconds` old."""
        return self._tenants.get(tenant)

    def offer(self, bundle: ConfigBundle) -> None:
        """Make `bundle` what the replicas are to run, unless a newer one was offered before."""
        if bundle.revision > self.revision:
            self._newest, self._encoded = bundle, bundle.encode()

    def set_discovered(self, replicas: Iterable[Replica]) -> None:
        """The replicas behind the Service, as they are now. New ones get the document soon."""
        wanted = {item.url: item for item in (*replicas, *self._fixed)}
        before = self._states
        self._states = {
            url: replace(before[url], replica=item) if url in before else ReplicaState(item)
            for url, item in wanted.items()
        }
        self._locks = {url: lock for url, lock in self._locks.items() if url in wanted}
        for url, item in wanted.items():
            if url in before and before[url].replica.ready != item.ready:
                # The same address, another process perhaps: forget what it was running.
                self._states[url] = ReplicaState(item)
        if wanted.keys() != before.keys() or any(self._states[url] is not before.get(url) for url in wanted):
            self._wake.set()

    async def deliver(self, revision: int) -> DeliveryReport:
        """Push the newest document (at least `revision`) wherever it doesn't run yet, and say how far it has got.

        Returns when every replica that was well before has answered, after `patience_seconds` at the latest. The
        other pushes go on, and `on_change` tells what came of them.
        """
        pushes = {url: self._push_to(url) for url in self._states}
        waited = {push for url, push in pushes.items() if self._states[url].problem is None} - self._late
        if waited:
            done, _ = await asyncio.wait(waited, timeout=self._patience_seconds)
            for push in done:
                push.result()
        self._late |= {push for push in pushes.values() if not push.done()}
        before, self._announced = self._announced, self._summary()
        # That the new document runs is said to those whom it concerns, by the answer; faults concern everybody.
        if [known.faults for known in before] != [known.faults for known in self._announced]:
            self.on_change()
        return self.report(revision)

    def report(self, revision: int) -> DeliveryReport:
        return report(revision, max(self.revision, revision), self._states.values(), self._pushes.keys())

    async def poll(self) -> None:
        """Ask every replica what it runs, push where that is too old, and return when all have answered."""
        await asyncio.gather(*(self._visit(url) for url in self._states))

    async def run(self) -> None:
        """Poll for ever: at once when the replicas change, else every `poll_seconds`."""
        try:
            while True:
                self._wake.clear()
                for url in self._states:
                    visit = self._visits.get(url)
                    if visit is not None and visit.done():
                        visit.result()
                    if visit is None or visit.done():
                        self._visits[url] = asyncio.create_task(self._visit(url))
                self._visits = {url: visit for url, visit in self._visits.items() if url in self._states}
                try:
                    async with asyncio.timeout(self._poll_seconds):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            await _cancel(self._visits.values())

    async def close(self) -> None:
        """End the pushes that go on."""
        await _cancel(self._pushes.values())

    async def _visit(self, url: str) -> None:
        await self._ask(url)
        if url in self._states:
            await asyncio.shield(self._push_to(url))
        self._announce()

    def _announce(self) -> None:
        """Tell when something is different from what was told."""
        summary = self._summary()
        if summary != self._announced:
            self._announced = summary
            self.on_change()

    def _push_to(self, url: str) -> asyncio.Task[None]:
        """The push to one replica that goes on, or else a new one. Either brings the newest document."""
        push = self._pushes.get(url)
        if push is None or push.done():
            push = self._pushes[url] = asyncio.create_task(self._bring(url), name=f"push to {url}")
            push.add_done_callback(lambda done: self._pushed(url, done))
        return push

    def _pushed(self, url: str, push: asyncio.Task[None]) -> None:
        if self._pushes.get(url) is push:
            del self._pushes[url]
        if push in self._late:
            self._late.discard(push)
            self._announce()

    async def _bring(self, url: str) -> None:
        """Push to one replica until it has the newest document, or can't. One request at a time per replica."""
        async with self._locks.setdefault(url, asyncio.Lock()):
            pushed = 0
            while self._newest is not None and self._newest.revision > pushed:
                pushed = self._newest.revision
                state = self._states.get(url)
                if state is None or state.has(pushed) or state.too_high_for(pushed):
                    return
                if state.problem is None and state.refusal is None and state.revision >= pushed:
                    await self._ask_now(state)  # it only has to settle
                else:
                    await self._push(state, pushed, self._encoded)

    async def _ask(self, url: str) -> None:
        async with self._locks.setdefault(url, asyncio.Lock()):
            state = self._states.get(url)
            if state is not None:
                await self._ask_now(state)

    async def _ask_now(self, state: ReplicaState) -> None:
        try:
            status = await self._client.get_status(state.replica)
        except ManagementError as error:
            self._note(state, problem=str(error))
            return
        # A refusal stands until a push is accepted: the status only says what runs.
        self._note(state, status, refusal=state.refusal, taken=state.taken)
        if status.tenants:
            self._tenants = status.tenants

    async def _push(self, state: ReplicaState, pushed: int, document: bytes) -> None:
        try:
            status = await self._client.put_config(state.replica, document)
        except ConfigRefused as error:
            self._note(state, refusal=str(error))
        except RevisionRefused as error:
            status = ReplicaStatus(error.revision, state.settled_revision, error.floor)
            self._note(state, status, taken=error.floor if error.revision == error.floor == pushed else 0)
        except ManagementError as error:
            self._note(state, problem=str(error))
        else:
            self._note(state, status)
            if status.revision > state.revision:
                log.info("replica %s runs revision %d", state.replica.name, status.revision)

    def _note(
        self,
        state: ReplicaState,
        status: ReplicaStatus | None = None,
        *,
        problem: str | None = None,
        refusal: str | None = None,
        taken: int = 0,
    ) -> None:
        """Replace what is known of a replica, unless it left meanwhile or was found to be another process."""
        if self._states.get(state.replica.url) is not state:
            return
        if problem is not None and problem != state.problem:
            log.warning("replica %s: %s", state.replica.name, problem)
        if refusal is not None and refusal != state.refusal:
            log.error("replica %s refused the document: %s", state.replica.name, refusal)
        known = (
            state
            if status is None
            else replace(
                state, revision=status.revision, settled_revision=status.settled_revision, floor=status.floor
            )
        )
        self._states[state.replica.url] = replace(known, problem=problem, refusal=refusal, taken=taken)

    def _summary(self) -> list[_Known]:
        """What conditions depend on, to notice that it changed."""
        newest = self.revision
        return sorted(
            _Known(
                (state.replica, state.too_high_for(newest), state.problem or "", state.refusal or ""),
                state.has(newest),
            )
            for state in self._states.values()
        )


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
