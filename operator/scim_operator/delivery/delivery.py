"""Brings the newest document to every replica, and keeps it there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

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

log = logging.getLogger(__name__)


class Delivery:
    """Knows the replicas, what each of them runs, and the newest document.

    `on_change` is called when something happened outside of `deliver` that changes what a condition should say: a
    replica came, went, failed or recovered.
    """

    def __init__(
        self, client: ManagementClient, fixed: Iterable[Replica] = (), *, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._client = client
        self._poll_seconds = poll_seconds
        self._fixed = tuple(fixed)
        self._states: dict[str, ReplicaState] = {item.url: ReplicaState(item) for item in self._fixed}
        self._locks: dict[str, asyncio.Lock] = {}
        self._tenants: Mapping[str, TenantStatus] = {}
        self._newest: ConfigBundle | None = None
        self._encoded = b""
        self._announced: object = None
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
        """Push the newest document (at least `revision`) wherever it doesn't run yet, and say how far it has got."""
        await self._bring_everywhere()
        self._announced = self._summary()
        return self.report(revision)

    def report(self, revision: int) -> DeliveryReport:
        return report(revision, max(self.revision, revision), self._states.values())

    async def poll(self) -> None:
        """Ask every replica what it runs, and push where that is too old."""
        await asyncio.gather(*(self._ask(url) for url in self._states))
        await self._bring_everywhere()
        summary = self._summary()
        if summary != self._announced:
            self._announced = summary
            self.on_change()

    async def run(self) -> None:
        """Poll for ever: at once when the replicas change, else every `poll_seconds`."""
        while True:
            self._wake.clear()
            await self.poll()
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _bring_everywhere(self) -> None:
        await asyncio.gather(*(self._bring(url) for url in self._states))

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

    def _summary(self) -> object:
        """What conditions depend on, to notice that it changed."""
        newest = self.revision
        return sorted(
            (state.replica, state.has(newest), state.too_high_for(newest), state.problem or "", state.refusal or "")
            for state in self._states.values()
        )
