"""Brings the newest document to every replica, and keeps it there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from scim_operator.delivery.faults import Fault
from scim_operator.delivery.management import (
    ConfigRefused,
    ManagementClient,
    ManagementError,
    ReplicaStatus,
    RevisionRefused,
    TenantStatus,
)
from scim_operator.delivery.replicas import Replica
from scim_operator.delivery.report import DeliveryReport, Progress, ReplicaState, report
from scim_server.config import ConfigBundle

POLL_SECONDS = 10.0
"""How often each replica is asked what it runs: within this time a restarted one has the document again."""

UNWELL_POLL_SECONDS = 2.0
"""How often a ready replica is asked that has a fault or doesn't run the newest document yet."""

PATIENCE_SECONDS = 1.0
PATIENCE_SECONDS_PER_MEGABYTE = 3.0
"""How long a delivery waits for answers. A replica that hangs delays neither the others nor what is said of them; one
that validates a large document doesn't hang."""

_NEVER = datetime.min.replace(tzinfo=UTC)

log = logging.getLogger(__name__)


class Delivery:
    """Knows the replicas, what each of them runs, and the newest document.

    `on_change` is called when something else is known of the replicas than before, so that `report` may say something
    else: one came, went, failed, recovered, or answered.
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
        """Those that nobody waits for any more."""
        self._visits: dict[str, asyncio.Task[None]] = {}
        """Polls that go on, likewise."""
        self._tenants: dict[str, Mapping[str, TenantStatus]] = {}
        """What each replica said of tenants, by its URL; the one that answered last comes last."""
        self._newest: ConfigBundle | None = None
        self._encoded: tuple[ConfigBundle | None, bytes] = (None, b"")
        self._encoding = asyncio.Lock()
        self._announced: tuple[ReplicaState, ...] = ()
        self._wake = asyncio.Event()

    @property
    def floor(self) -> int:
        """The highest revision that any server is known to have seen."""
        return max((state.floor for state in self._states.values()), default=0)

    @property
    def poll_seconds(self) -> float:
        return self._poll_seconds

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

    @property
    def faults(self) -> Iterator[tuple[str, Fault]]:
        """Names of replicas with what is wrong with them."""
        return ((state.replica.name, state.fault) for state in self._states.values() if state.fault is not None)

    def tenant_status(self, tenant: str) -> TenantStatus | None:
        """The newest that the servers said of a tenant (`namespace/name`); at most about `poll_seconds` old."""
        said = [tenants[tenant] for tenants in self._tenants.values() if tenant in tenants]
        if not said:
            return None
        # Servers count every few seconds, not at the same moment. The one that answered last wins among equals.
        newest = max(reversed(said), key=lambda status: status.last_sync_time or _NEVER)
        if len(said) == 1:
            return newest
        # Of a contact only the server that had it knows at first.
        contacts = [status.last_contact_time for status in said if status.last_contact_time is not None]
        used: dict[str, datetime] = {}
        for name, at in (item for status in said for item in status.last_used.items()):
            used[name] = max(at, used.get(name, at))
        return replace(newest, last_contact_time=max(contacts, default=None), last_used=used)

    def offer(self, bundle: ConfigBundle) -> None:
        """Make `bundle` what the replicas are to run, unless a newer one was offered before."""
        if bundle.revision > self.revision:
            self._newest = bundle

    def set_discovered(self, replicas: Iterable[Replica]) -> None:
        """The replicas behind the Service, as they are now. New ones get the document soon."""
        wanted = {item.url: item for item in (*replicas, *self._fixed)}
        before = self._states
        self._states = {
            url: replace(before[url], replica=item) if url in before else ReplicaState(item)
            for url, item in wanted.items()
        }
        self._locks = {url: lock for url, lock in self._locks.items() if url in wanted}
        self._tenants = {url: tenants for url, tenants in self._tenants.items() if url in wanted}
        for url, item in wanted.items():
            if url in before and before[url].replica.ready != item.ready:
                # The same address, another process perhaps: forget what it was running.
                self._states[url] = ReplicaState(item)
        if wanted.keys() != before.keys() or any(self._states[url] is not before.get(url) for url in wanted):
            self._wake.set()
            self._announce()

    async def deliver(self, revision: int) -> DeliveryReport:
        """Push the newest document (at least `revision`) wherever it doesn't run yet, and say how far it has got.

        Returns when every replica that was well before has answered, or runs `revision` already; at the latest when
        the patience ends. The other pushes go on, and `on_change` tells what came of them.
        """
        pushes = {url: self._push_to(url) for url, state in self._states.items() if not state.has(self.revision)}
        waited = {
            push
            for url, push in pushes.items()
            if self._states[url].problem is None and not self._states[url].has(revision)
        } - self._late
        if waited:
            done, _ = await asyncio.wait(waited, timeout=await self._patience())
            for push in done:
                push.result()
        self._late |= {push for push in waited if not push.done()}
        self._announce()
        return self.report(revision)

    def report(self, revision: int) -> DeliveryReport:
        return report(revision, max(self.revision, revision), self._states.values())

    @property
    def stale(self) -> bool:
        """Whether a server wants a higher revision than that of the newest document."""
        return self.report(self.revision).progress is Progress.STALE

    async def _patience(self) -> float:
        _, encoded = await self._encode()
        return self._patience_seconds + PATIENCE_SECONDS_PER_MEGABYTE * len(encoded) / 1e6

    async def poll(self) -> None:
        """Ask every replica what it runs, push where that is too old, and return when all have answered."""
        await asyncio.gather(*(self._visit(url) for url in self._states))

    async def run(self) -> None:
        """Poll for ever: at once when the replicas change, else every `poll_seconds`, and more often those that are
        unwell."""
        clock = asyncio.get_running_loop().time
        next_round = clock()
        try:
            while True:
                self._wake.clear()
                round_due = clock() >= next_round
                if round_due:
                    next_round = clock() + self._poll_seconds
                for url, state in self._states.items():
                    visit = self._visits.get(url)
                    if visit is not None and visit.done():
                        visit.result()
                        del self._visits[url]
                    if url not in self._visits and (round_due or self._unwell(state)):
                        self._visits[url] = asyncio.create_task(self._visit(url))
                self._visits = {url: visit for url, visit in self._visits.items() if url in self._states}
                pause = max(0.0, next_round - clock())
                if any(self._unwell(state) for state in self._states.values()):
                    pause = min(pause, UNWELL_POLL_SECONDS)
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            await _cancel(self._visits.values())

    def _unwell(self, state: ReplicaState) -> bool:
        """One that refuses the document is left to the usual rounds: it is sent all of it each time."""
        return state.refusal is None and not state.has(self.revision)

    async def close(self) -> None:
        """End the pushes that go on."""
        await _cancel(self._pushes.values())

    async def _visit(self, url: str) -> None:
        await self._ask(url)
        if url in self._states:
            await asyncio.shield(self._push_to(url))
        self._announce()

    def _announce(self) -> None:
        """Tell when something else is known than before."""
        known = tuple(self._states.values())
        if known != self._announced:
            self._announced = known
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
        self._late.discard(push)
        self._announce()

    async def _bring(self, url: str) -> None:
        """Push to one replica until it has the newest document, or can't. One request at a time per replica."""
        async with self._locks.setdefault(url, asyncio.Lock()):
            pushed = 0
            while self._newest is not None and self._newest.revision > pushed:
                bundle, document = await self._encode()
                pushed = bundle.revision
                state = self._states.get(url)
                if state is None or state.has(pushed) or state.too_high_for(pushed):
                    return
                if state.problem is None and state.refusal is None and state.revision >= pushed:
                    await self._ask_now(state)  # it only has to settle
                else:
                    await self._push(state, pushed, document)

    async def _encode(self) -> tuple[ConfigBundle, bytes]:
        """The newest document and its bytes, made once and in a thread: a large one takes a tenth of a second."""
        async with self._encoding:
            newest, (encoded_of, encoded) = self._newest, self._encoded
            if newest is None:
                raise ValueError("no document was offered yet")
            if encoded_of is not newest:
                encoded = await asyncio.to_thread(newest.encode)
                self._encoded = (newest, encoded)
            return newest, encoded

    async def _ask(self, url: str) -> None:
        async with self._locks.setdefault(url, asyncio.Lock()):
            state = self._states.get(url)
            if state is not None:
                await self._ask_now(state)

    async def _ask_now(self, state: ReplicaState) -> None:
        try:
            status = await self._client.get_status(state.replica)
        except ManagementError as error:
            self._note(state, problem=error)
            return
        # A refusal stands until a push is accepted: the status only says what runs.
        self._note(state, status, taken=state.taken, keep_refusal=True)
        if status.tenants:
            self._tenants.pop(state.replica.url, None)
            self._tenants[state.replica.url] = status.tenants

    async def _push(self, state: ReplicaState, pushed: int, document: bytes) -> None:
        try:
            status = await self._client.put_config(state.replica, document)
        except ConfigRefused as error:
            self._note(state, refusal=error)
        except RevisionRefused as error:
            status = ReplicaStatus(error.revision, state.settled_revision, error.floor)
            self._note(state, status, taken=error.floor if error.revision == error.floor == pushed else 0)
        except ManagementError as error:
            self._note(state, problem=error)
        else:
            self._note(state, status)
            if status.revision > state.revision:
                log.info("replica %s runs revision %d", state.replica.name, status.revision)

    def _note(
        self,
        state: ReplicaState,
        status: ReplicaStatus | None = None,
        *,
        problem: ManagementError | None = None,
        refusal: ConfigRefused | None = None,
        keep_refusal: bool = False,
        taken: int = 0,
    ) -> None:
        """Replace what is known of a replica, unless it left meanwhile or was found to be another process."""
        if self._states.get(state.replica.url) is not state:
            return
        error = refusal or problem
        detail = str(error) if error is not None else ""
        if error is not None and (error.fault, detail) != (state.fault, state.detail):
            log.log(
                logging.WARNING if refusal is None else logging.ERROR,
                "replica %s: %s: %s",
                state.replica.name,
                error.fault,
                detail,
            )
        known = (
            state
            if status is None
            else replace(
                state, revision=status.revision, settled_revision=status.settled_revision, floor=status.floor
            )
        )
        self._states[state.replica.url] = replace(
            known,
            problem=problem.fault if problem is not None else None,
            refusal=refusal.fault if refusal is not None else state.refusal if keep_refusal else None,
            detail=state.detail if keep_refusal and state.refusal is not None else detail,
            taken=taken,
        )


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
