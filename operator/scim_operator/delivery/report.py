"""What a delivery came to: decided from what is known of each replica, without I/O."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from scim_operator.delivery.replicas import Replica

_NAMED = 3  # replicas that a message names


class Progress(StrEnum):
    """How far a revision has got."""

    PROGRAMMED = "Programmed"
    """Every ready replica runs it, and the roles of existing users follow it."""
    SETTLING = "Settling"
    """Every ready replica runs it; the roles of existing users are still being recomputed."""
    STALE = "Stale"
    """A server has seen a higher revision than the operator's: the document needs a higher one."""
    REFUSED = "Refused"
    """A replica finds the document invalid."""
    UNAVAILABLE = "Unavailable"
    """A ready replica doesn't answer, or still runs an older revision."""
    WAITING = "Waiting"
    """A ready replica has not answered yet; the others run it."""
    NO_REPLICAS = "NoReplicas"
    """There is no ready replica."""


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What is known of one replica: the last answer, and what went wrong since."""

    replica: Replica
    revision: int = 0
    settled_revision: int = 0
    floor: int = 0
    taken: int = 0
    """A revision that it runs with another content than the operator's."""

    refusal: str | None = None
    problem: str | None = None

    def too_high_for(self, revision: int) -> bool:
        """Whether it wants a higher revision than this one."""
        return self.floor > revision or self.taken == revision

    def has(self, revision: int) -> bool:
        """Nothing is left to be done here for `revision`."""
        if self.problem is not None or self.refusal is not None or self.taken == revision:
            return False
        return min(self.revision, self.settled_revision) >= revision


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """`message` is fit for a condition; `floor` is the highest revision that any server has seen."""

    progress: Progress
    message: str
    floor: int = 0


def report(revision: int, newest: int, states: Iterable[ReplicaState], asked: Collection[str] = ()) -> DeliveryReport:
    """How far `revision` has got, when `newest` is the highest that the operator has made.

    `asked`: URLs of the replicas to which a push is under way.
    """
    known = sorted(states, key=lambda state: state.replica)
    ready = [state for state in known if state.replica.ready]
    floor = max((state.floor for state in known), default=0)
    if any(state.too_high_for(newest) for state in known):
        message = f"a server has seen revision {floor}, the newest document has {newest}"
        return DeliveryReport(Progress.STALE, message, floor)
    if not ready:
        message = f"none of {len(known)} replicas is ready" if known else "there is no replica of the server"
        return DeliveryReport(Progress.NO_REPLICAS, message, floor)
    total = len(ready)
    refused = [(state, state.refusal) for state in ready if state.refusal is not None]
    if refused:
        return DeliveryReport(
            Progress.REFUSED, f"{len(refused)} of {total} replicas refused the document: {_named(refused)}", floor
        )
    without = [state for state in ready if state.problem is not None or state.revision < revision]
    silent = [state for state in without if state.problem is None and state.replica.url in asked]
    if without and len(silent) == len(without):
        named = _named([(state, "no answer yet") for state in silent])
        return DeliveryReport(Progress.WAITING, f"{total - len(silent)} of {total} replicas run it; {named}", floor)
    if without:
        named = _named(
            [(state, state.problem or f"runs revision {state.revision}, not {revision}") for state in without]
        )
        return DeliveryReport(
            Progress.UNAVAILABLE, f"{len(without)} of {total} replicas don't run it: {named}", floor
        )
    if any(state.settled_revision < revision for state in ready):
        return DeliveryReport(
            Progress.SETTLING, "all replicas run it; the roles of existing users are being recomputed", floor
        )
    return DeliveryReport(Progress.PROGRAMMED, f"{total} of {total} replicas run it", floor)


def _named(replicas: list[tuple[ReplicaState, str]]) -> str:
    names = "; ".join(f"{state.replica.name}: {why}" for state, why in replicas[:_NAMED])
    return names if len(replicas) <= _NAMED else f"{names}; and {len(replicas) - _NAMED} more"
