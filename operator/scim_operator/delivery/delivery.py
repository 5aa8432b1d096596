"""Brings the newest revision of each shard to every replica, and keeps it there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from scim_operator.delivery.faults import Fault
from scim_operator.delivery.management import (
    ConfigRefused,
    ManagementClient,
    ManagementError,
    RevisionRefused,
    ShardStatus,
)
from scim_operator.delivery.replicas import Replica
from scim_operator.delivery.report import DeliveryReport, Progress, ReplicaState, ShardState, report
from scim_operator.delivery.tenant_status import TenantStatus
from scim_server.config import ConfigBundle

POLL_SECONDS = 10.0
"""How often each replica is asked what it runs: within this time a restarted one has its configuration again."""

UNWELL_POLL_SECONDS = 2.0
"""How often a ready replica is asked that has a fault or doesn't run everything newest yet."""

PATIENCE_SECONDS = 1.0
PATIENCE_SECONDS_PER_MEGABYTE = 3.0
"""How long a delivery waits for answers. A replica that hangs delays neither the others nor what is said of them; one
that validates a large shard doesn't hang."""

_NEVER = datetime.min.replace(tzinfo=UTC)

log = logging.getLogger(__name__)


class Delivery:
    """Knows the replicas, what each of them runs, and the newest revision of each shard.

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
        self._pushes: dict[tuple[str, int], asyncio.Task[None]] = {}
        """Those that go on, one per replica and shard at most."""
        self._late: set[asyncio.Task[None]] = set()
        """Those that nobody waits for any more."""
        self._visits: dict[str, asyncio.Task[None]] = {}
        """Polls that go on, likewise."""
        self._tenants: dict[str, Mapping[str, TenantStatus]] = {}
        """What each replica said of tenants, by its URL; the one that answered last comes last."""
        self._newest: dict[int, ConfigBundle] = {}
        self._encoded: dict[int, tuple[ConfigBundle, bytes]] = {}
        self._encoding = asyncio.Lock()
        self._announced: tuple[ReplicaState, ...] = ()
        self._wake = asyncio.Event()

    def floor(self, shard: int) -> int:
        """The highest revision of a shard that any server is known to have seen."""
        return max((state.of(shard).floor for state in self._states.values()), default=0)

    @property
    def poll_seconds(self) -> float:
        return self._poll_seconds

    @property
    def replicas(self) -> tuple[Replica, ...]:
        return tuple(state.replica for state in self._states.values())

    def revision(self, shard: int) -> int:
        """The newest of a shard; 0 before there is one."""
        return self._newest[shard].revision if shard in self._newest else 0

    @property
    def current_replicas(self) -> int:
        """How many replicas have the newest of every shard, and nothing left to be done for it."""
        revisions = self._revisions
        return sum(state.has_all(revisions) for state in self._states.values())

    @property
    def _revisions(self) -> Mapping[int, int]:
        return {shard: bundle.revision for shard, bundle in self._newest.items()}

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
        """Make `bundle` what the replicas are to run of its shard, unless a newer one was offered before."""
        if bundle.shard is None:
            raise ValueError("a shard is delivered, not the whole")
        if bundle.revision > self.revision(bundle.shard):
            self._newest[bundle.shard] = bundle

    def set_discovered(self, replicas: Iterable[Replica]) -> None:
        """The replicas behind the Service, as they are now. New ones get everything soon."""
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

    async def deliver(self, shard: int, revision: int) -> DeliveryReport:
        """Push the newest of the shard (at least `revision`) wherever it doesn't run yet, and say how far it has got.

        Returns when every replica that was well before has answered, or runs `revision` already; at the latest when
        the patience ends. The other pushes go on, and `on_change` tells what came of them.
        """
        newest = self.revision(shard)
        lacking = [url for url, state in self._states.items() if not state.has(shard, newest)]
        pushes = {url: self._push_to(url, shard) for url in lacking}
        waited = {
            push
            for url, push in pushes.items()
            if self._states[url].problem is None and not self._states[url].has(shard, revision)
        } - self._late
        if waited:
            done, _ = await asyncio.wait(waited, timeout=await self._patience(shard))
            for push in done:
                push.result()
        self._late |= {push for push in waited if not push.done()}
        self._announce()
        return self.report(shard, revision)

    def report(self, shard: int, revision: int) -> DeliveryReport:
        return report(shard, revision, max(self.revision(shard), revision), self._states.values())

    @property
    def stale(self) -> Sequence[int]:
        """Shards of which a server wants a higher revision than the newest."""
        revisions = self._revisions.items()
        return [shard for shard, newest in revisions if self.report(shard, newest).progress is Progress.STALE]

    async def _patience(self, shard: int) -> float:
        _, encoded = await self._encode(shard)
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
        """One that refuses a shard is left to the usual rounds: it is sent all of it each time."""
        revisions = self._revisions.items()
        return any(not state.has(*each) and state.of(each[0]).refusal is None for each in revisions)

    async def close(self) -> None:
        """End the pushes that go on."""
        await _cancel(self._pushes.values())

    async def _visit(self, url: str) -> None:
        await self._ask(url)
        state = self._states.get(url)
        if state is not None and state.problem is None:
            lacking = [shard for shard, revision in self._revisions.items() if not state.has(shard, revision)]
            await asyncio.gather(*(asyncio.shield(self._push_to(url, shard)) for shard in lacking))
        self._announce()

    def _announce(self) -> None:
        """Tell when something else is known than before."""
        known = tuple(self._states.values())
        if known != self._announced:
            self._announced = known
            self.on_change()

    def _push_to(self, url: str, shard: int) -> asyncio.Task[None]:
        """The push of a shard to one replica that goes on, or else a new one. Either brings the newest."""
        push = self._pushes.get((url, shard))
        if push is None or push.done():
            push = asyncio.create_task(self._bring(url, shard), name=f"push of shard {shard} to {url}")
            self._pushes[url, shard] = push
            push.add_done_callback(lambda done: self._pushed(url, shard, done))
        return push

    def _pushed(self, url: str, shard: int, push: asyncio.Task[None]) -> None:
        if self._pushes.get((url, shard)) is push:
            del self._pushes[url, shard]
        self._late.discard(push)
        self._announce()

    async def _bring(self, url: str, shard: int) -> None:
        """Push to one replica until it has the newest of a shard, or can't. One request at a time per replica."""
        lock = self._locks.setdefault(url, asyncio.Lock())
        waits = lock.locked()
        async with lock:
            pushed = 0
            while self.revision(shard) > pushed:
                bundle, encoded = await self._encode(shard)
                pushed = bundle.revision
                replica = self._states.get(url)
                if replica is None or replica.has(shard, pushed) or replica.of(shard).too_high_for(pushed):
                    return
                if waits and replica.problem is not None:
                    return  # what was just found for another shard; not one time-out after the other
                state = replica.of(shard)
                if replica.problem is None and state.refusal is None and state.revision >= pushed:
                    await self._ask_now(replica)  # it runs the revision, and only its roles have yet to follow
                else:
                    await self._push(replica, shard, pushed, encoded)

    async def _encode(self, shard: int) -> tuple[ConfigBundle, bytes]:
        """The newest of a shard and its bytes, made once and in a thread: a large one takes a tenth of a second."""
        async with self._encoding:
            newest, known = self._newest.get(shard), self._encoded.get(shard)
            if newest is None:
                raise ValueError(f"nothing was offered of shard {shard} yet")
            if known is None or known[0] is not newest:
                known = self._encoded[shard] = (newest, await asyncio.to_thread(newest.encode))
            return known

    async def _ask(self, url: str) -> None:
        async with self._locks.setdefault(url, asyncio.Lock()):
            state = self._states.get(url)
            if state is not None:
                await self._ask_now(state)

    async def _ask_now(self, state: ReplicaState) -> None:
        try:
            status = await self._client.get_status(state.replica)
        except ManagementError as error:
            self._note_problem(state, error)
            return
        shards = {
            # A refusal stands until a push is accepted: the status only says what runs.
            shard: replace(_shard_state(told), taken=state.of(shard).taken, refusal=state.of(shard).refusal)
            for shard, told in status.shards.items()
        }
        shards = {shard: known for shard, known in shards.items() if known != ShardState()}
        refused = any(each.refusal is not None for each in shards.values())
        self._note(state, replace(state, shards=shards, problem=None, detail=state.detail if refused else ""))
        if status.tenants:
            self._tenants.pop(state.replica.url, None)
            self._tenants[state.replica.url] = status.tenants

    async def _push(self, state: ReplicaState, shard: int, pushed: int, encoded: bytes) -> None:
        before = state.of(shard)
        try:
            status = await self._client.put_config(state.replica, encoded)
        except ConfigRefused as error:
            self._tell(state, before.refusal, error)
            self._note_shard(state, shard, replace(before, refusal=error.fault, taken=0), detail=str(error))
        except RevisionRefused as error:
            taken = error.floor if error.revision == error.floor == pushed else 0
            told = ShardState(error.revision, before.applied_revision, error.floor, taken)
            self._note_shard(state, shard, told)
        except ManagementError as error:
            self._note_problem(state, error)
        else:
            self._note_shard(state, shard, _shard_state(status))
            if status.revision > before.revision:
                log.info("replica %s runs revision %d of shard %d", state.replica.name, status.revision, shard)

    def _note_problem(self, state: ReplicaState, problem: ManagementError) -> None:
        self._tell(state, state.problem, problem)
        self._note(state, replace(state, problem=problem.fault, detail=str(problem)))

    def _note_shard(self, state: ReplicaState, shard: int, known: ShardState, detail: str = "") -> None:
        self._note(state, replace(state, shards={**state.shards, shard: known}, problem=None, detail=detail))

    def _note(self, state: ReplicaState, known: ReplicaState) -> None:
        """Replace what is known of a replica, unless it left meanwhile or was found to be another process."""
        if self._states.get(state.replica.url) is state:
            self._states[state.replica.url] = known

    def _tell(self, state: ReplicaState, before: Fault | None, error: ManagementError) -> None:
        """Once, in the log."""
        if (error.fault, str(error)) != (before, state.detail):
            level = logging.ERROR if isinstance(error, ConfigRefused) else logging.WARNING
            log.log(level, "replica %s: %s: %s", state.replica.name, error.fault, error)


def _shard_state(status: ShardStatus) -> ShardState:
    return ShardState(status.revision, status.applied_revision, status.floor)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
