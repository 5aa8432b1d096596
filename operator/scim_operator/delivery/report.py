"""What a delivery came to: decided from what is known of each replica, without I/O.

Messages are fit for conditions of all objects: they hold no revision, no count and no address, and so stay the same
until what they say is no longer true.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from scim_operator.delivery.faults import Fault
from scim_operator.delivery.replicas import Replica


class Progress(StrEnum):
    """How far a revision has got."""

    PROGRAMMED = "Programmed"
    """Every ready replica runs it, and the roles of existing users follow it."""
    APPLYING = "Applying"
    """Every ready replica runs it; the roles of existing users are still being recomputed."""
    STALE = "Stale"
    """A server has seen a higher revision than the operator's: the shard needs a higher one."""
    REFUSED = "Refused"
    """A replica finds the configuration invalid."""
    UNAVAILABLE = "Unavailable"
    """A ready replica doesn't do what it is asked."""
    WAITING = "Waiting"
    """A ready replica has not answered yet; the others run it."""
    NO_REPLICAS = "NoReplicas"
    """There is no ready replica."""

    @property
    def passing(self) -> bool:
        """Whether this ends by itself, soon: an answer is awaited, or a computation."""
        return self in (Progress.APPLYING, Progress.STALE, Progress.WAITING)


@dataclass(frozen=True, slots=True)
class ShardState:
    """What is known of one shard at one replica: the last answer, and a refusal since."""

    revision: int = 0
    applied_revision: int = 0
    floor: int = 0
    taken: int = 0
    """A revision that it runs with another content than the operator's."""

    refusal: Fault | None = None

    def too_high_for(self, revision: int) -> bool:
        """Whether it wants a higher revision than this one."""
        return self.floor > revision or self.taken == revision

    def has(self, revision: int) -> bool:
        """Nothing is left to be done here for `revision`."""
        if self.refusal is not None or self.taken == revision:
            return False
        return min(self.revision, self.applied_revision) >= revision


_NOTHING = ShardState()


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What is known of one replica: its shards, and what went wrong with the replica itself since the last answer."""

    replica: Replica
    shards: Mapping[int, ShardState] = field(default_factory=dict)
    problem: Fault | None = None
    detail: str = ""
    """The particulars of a refusal or a problem, for the log."""

    def of(self, shard: int) -> ShardState:
        return self.shards.get(shard, _NOTHING)

    @property
    def fault(self) -> Fault | None:
        return min((state.refusal for state in self.shards.values() if state.refusal), default=None) or self.problem

    def has(self, shard: int, revision: int) -> bool:
        """Nothing is left to be done here for `revision` of the shard."""
        return self.problem is None and self.of(shard).has(revision)

    def has_all(self, revisions: Mapping[int, int]) -> bool:
        return all(self.has(shard, revision) for shard, revision in revisions.items())


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """`message` is fit for a condition."""

    progress: Progress
    message: str

    def stands(self, now: "DeliveryReport") -> bool:
        """Whether this, said before of the same revision, can go on being said when `now` is how it is.

        That every replica runs it isn't taken back because a replica that came or restarted is yet to answer.
        """
        return self == now or (self.progress is Progress.PROGRAMMED and now.progress.passing)


def report(shard: int, revision: int, newest: int, states: Iterable[ReplicaState]) -> DeliveryReport:
    """How far `revision` of a shard has got, when `newest` is the highest that the operator has made."""
    known = tuple(states)
    if any(state.of(shard).too_high_for(newest) for state in known):
        return DeliveryReport(
            Progress.STALE, "a server has seen a newer configuration, so that this one is numbered anew"
        )
    ready = [state for state in known if state.replica.ready]
    if not ready:
        return DeliveryReport(Progress.NO_REPLICAS, "no replica of the server is ready")
    shards = [state.of(shard) for state in ready]
    # A replica that refuses the newest revision goes on with what it runs.
    refusals = {state.refusal for state in shards if state.refusal is not None and state.revision < revision}
    faults = sorted(refusals | {state.problem for state in ready if state.problem is not None})
    if faults:
        message = f"not every ready replica runs it: {', '.join(faults)}; the operator's log names the replica"
        return DeliveryReport(Progress.REFUSED if refusals else Progress.UNAVAILABLE, message)
    if any(state.revision < revision for state in shards):
        return DeliveryReport(Progress.WAITING, "not every ready replica has answered yet")
    if any(state.applied_revision < revision for state in shards):
        return DeliveryReport(
            Progress.APPLYING, "every ready replica runs it; the roles of existing users are being recomputed"
        )
    return DeliveryReport(Progress.PROGRAMMED, "every ready replica runs it")
