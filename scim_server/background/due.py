"""Does what is due: deactivates users who were blocked long enough, follows a new delay, forgets deletions.

Every replica does this. A row of `due` is a hint: what it is about is looked at under a lock, so that each transition
is made once, also after a crash and by several replicas at once.
"""

from collections.abc import Sequence
from datetime import datetime

from scim_server.background.holds import end_hold
from scim_server.background.worker import Worker, for_each
from scim_server.clock import Clock
from scim_server.provisioning.cause import BY_TIME
from scim_server.storage.effects import (
    DelayChanged,
    Effects,
    HoldDecided,
    HoldOpened,
    ObservationEnded,
    StateChanged,
    WindowsChanged,
)
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import Due, DueKind

_AT_ONCE = 500
"""In one transaction."""

_TAKE_THEIRS = frozenset({DueKind.OBSERVED, DueKind.DELAY, DueKind.WINDOW})
"""Whoever does these removes their rows."""


class DueWork:
    """`worker` is its background task. One per server."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._has_erased = True
        """Also by the process before this one."""
        self.worker = Worker("doing what is due", self.do, clock)
        storage.subscribe(self._look_at)

    def _look_at(self, _: str, effects: Effects) -> None:
        if any(
            isinstance(effect, DelayChanged | ObservationEnded | HoldDecided | HoldOpened | WindowsChanged)
            or (isinstance(effect, StateChanged) and effect.deactivate_at)
            for effect in effects.all
        ):
            self.worker.wake()

    async def do(self) -> datetime | None:
        """One round: returns when the next thing is due. Raises `StorageUnavailable`."""
        await for_each(await self._storage.tenants_with_unlike_states(), self._correct_states)
        await for_each(await self._storage.due_tenants(), self._do_all)
        if self._has_erased:
            self._has_erased = not await self._storage.overwrite_erased()
        return await self._storage.next_due()

    async def _correct_states(self, tenant: str) -> None:
        while await self._storage.write(tenant, _correct_states, BY_TIME) == _AT_ONCE:
            pass

    async def _do_all(self, tenant: str) -> None:
        more = True
        while more:
            more, erased, holds = await self._storage.write(tenant, _do_some, BY_TIME)
            self._has_erased |= erased
        await for_each(holds, lambda hold: end_hold(self._storage, tenant, hold))


async def _correct_states(writer: Writer) -> int:
    return await writer.correct_states(_AT_ONCE)


async def _do_some(writer: Writer) -> tuple[bool, bool, Sequence[str]]:
    """Whether more may be due, whether users were erased, and holds whose time has come, which aren't done here."""
    past = await writer.past_due(_AT_ONCE)
    observed = any(due.kind is DueKind.OBSERVED for due in past) and await writer.apply_observed(_AT_ONCE)
    holds = [due.subject for due in past if due.kind is DueKind.HOLD]
    past = [due for due in past if due.kind is not DueKind.HOLD]
    if any(due.kind is DueKind.WINDOW for due in past):
        await writer.follow_windows()
    delays = [due for due in past if due.kind is DueKind.DELAY]
    for delay in delays:  # which takes its row itself
        await writer.follow_delay(delay.subject, _AT_ONCE)
    tombstones = [due for due in past if due.kind is DueKind.TOMBSTONE]
    if wait := 0 < len(tombstones) < len(past):  # of those who are forgotten there may still be something to tell
        past = [due for due in past if due not in tombstones]
    else:
        await writer.forget_deleted([due.subject for due in tombstones])
    left = await writer.deactivate([due.subject for due in past if due.kind is DueKind.DEACTIVATION])
    still_due = {Due(DueKind.DEACTIVATION, user_id) for user_id in left}
    done = [due for due in past if due.kind not in _TAKE_THEIRS and due not in still_due]
    await writer.done(done)
    more = observed or bool(delays) or (wait and not left) or len(done) == _AT_ONCE
    return more, bool(tombstones) and not wait, holds
