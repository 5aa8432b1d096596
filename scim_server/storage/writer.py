"""Changes of one tenant, in one transaction. The methods say in `effects` what they really changed."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

from scim_server.provisioning.grants import Grant
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.roles import HeldGrant
from scim_server.scim.patch import MembersDelta
from scim_server.storage.delivery_query import ANY_TIME, Replay
from scim_server.storage.effects import Effects
from scim_server.storage.reader import Reader
from scim_server.storage.records import (
    Delivery,
    Document,
    Due,
    GroupRecord,
    Hold,
    LockedGroup,
    LockedUser,
    MembersChanged,
    RoleChange,
    UserRecord,
    WebhookProgress,
)
from scim_server.storage.session import Transaction
from scim_server.storage.tables import (
    captures,
    deliveries,
    departures,
    due,
    erasure,
    events,
    grants,
    groups,
    guards,
    held_grants,
    held_users,
    hold_ends,
    memberships,
    observed,
    profiles,
    role_holds,
    roles,
    sync_log,
    tenants,
    used_assertions,
    users,
    webhooks,
)

P = ParamSpec("P")
T = TypeVar("T")


class Writer(Reader):
    """What a step of a change works with, and all that it may wait for."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction)
        self._transaction = transaction

    @property
    def exclusive(self) -> bool:
        """Whether the tenant is held alone."""
        return self._transaction.exclusive

    @property
    def now(self) -> datetime:
        """`created`, `modified`, `since` of what this transaction changes. Moves on where a lock was waited for.
        `modified` is always later than before, whatever the clocks of the replicas say."""
        return self._transaction.now

    async def policy(self) -> Policy:
        """The one that the database holds, by which everything here is decided; it can't change meanwhile."""
        return await self._transaction.policy()

    @property
    def effects(self) -> Effects:
        return self._transaction.effects

    async def compute(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Call a function that takes long, off the event loop."""
        return await self._transaction.compute(function, *arguments, **named)

    async def lock_user(self, user_id: str) -> UserRecord | None:
        """Read a user and keep others from changing it until the commit."""
        return await users.lock(self._transaction, user_id)

    async def lock_user_with_groups(self, user_id: str) -> LockedUser | None:
        """As `lock_user`, for its deletion."""
        return await users.lock_with_groups(self._transaction, user_id)

    async def lock_group(self, group_id: str) -> LockedGroup | None:
        return await groups.lock(self._transaction, group_id)

    async def insert_user(self, document: Document, active: bool) -> UserRecord:
        """Raises `UserNameTaken`."""
        record = await users.insert(self._transaction, document, active)
        if not (await self.policy()).observes:  # else that comes with what is observed
            await held_users.end_those_replaced_by(self._transaction, record)
        return record

    async def update_user(self, record: UserRecord, document: Document, active: bool) -> UserRecord:
        """Raises `UserNameTaken`. Moves version, modified and, where `active` changed, the state."""
        return await users.update(self._transaction, record, document, active)

    async def delete_user(self, user: LockedUser) -> None:
        """Also from all groups, whose version and modified move. A deletion that is held is so for SCIM."""
        hold: str | None
        if (await self.policy()).observes:
            hold = None if user.record.hold == users.OBSERVED_NEW else users.OBSERVED
        else:
            hold = await guards.hold_of(self._transaction, user.record)
        if hold is None:
            await users.delete(self._transaction, user)
        else:
            await held_users.keep(self._transaction, user, hold)

    async def insert_group(self, document: Document, grants: Collection[Grant]) -> LockedGroup:
        """Raises `DisplayNameTaken`."""
        return await groups.insert(self._transaction, document, grants)

    async def update_group(self, group: LockedGroup, document: Document, grants: Collection[Grant]) -> LockedGroup:
        """Raises `DisplayNameTaken`; `NeedsExclusive` when the grants change and only the shared lock is held.

        Where granted roles changed, the roles of all members, nested ones too, follow.
        """
        return await groups.update(self._transaction, group, document, grants)

    async def touch_group(self, group: LockedGroup) -> GroupRecord:
        """Move version and modified after a change of members alone."""
        return groups.touch(self._transaction, group)

    async def delete_group(self, group: LockedGroup) -> None:
        """The roles of those who were members follow. Raises `NeedsExclusive` when the group is nested."""
        await groups.delete(self._transaction, group)

    async def change_members(
        self, group: LockedGroup, delta: MembersDelta, *, leave_out_deleted: bool = True
    ) -> MembersChanged:
        """Set-based; costs the size of the delta, never of the group. The roles of all whom it affects follow.

        `leave_out_deleted`: members to add that were deleted are left out, as if they had been deleted afterwards.
        Raises `UnknownMembers` (only for ids that are to be added), `NeedsExclusive` where groups are nested.
        """
        return await memberships.change(self._transaction, group, delta, leave_out_deleted=leave_out_deleted)

    async def put_rules(self, rules: Policy, revision: int, uid: str | None = None) -> bool:
        """Store the rules of a newer revision and the grants of every group. Exclusive only.

        Returns False, and does nothing, when the database holds this or a higher revision. Users whose roles
        may change are recorded as pending, in the same transaction, to be worked off by `recompute_some`.

        A tenant that had departed, or whose `uid` is another one than before, has returned: its users of before are
        counted as former ones. Those that were to be erased are erased first.
        """
        return await tenants.put_rules(self._transaction, rules, revision, uid)

    async def recompute_some(self, limit: int = roles.MOST_AT_COMMIT) -> Sequence[RoleChange] | None:
        """The roles of up to `limit` users who are pending; None when none is left.

        Several replicas may do this at once: each takes other users, and the last one waits for the others.
        """
        return await roles.recompute_some(self._transaction, limit)

    async def measure_role_changes(self) -> bool:
        """Whether what a change of mappings takes concerns so few users that they are pending now."""
        return await role_holds.measure(self._transaction)

    async def find_reasons(self, limit: int = roles.MOST_AT_COMMIT) -> bool:
        """Of up to `limit` users with roles of which an older server wrote no reasons. Whether there may be more."""
        return await roles.find_reasons(self._transaction, limit)

    async def hold_grants(self, hold: str, lost: Iterable[HeldGrant]) -> None:
        """Grants that the rules no longer give keep the roles that users have by them. Exclusive only."""
        await held_grants.add(self._transaction, hold, lost)

    async def follow_windows(self) -> None:
        """Grants whose window has opened or closed give and take roles from now on. Exclusive only."""
        await grants.follow_windows(self._transaction)

    async def recompute_some_profiles(self, limit: int = profiles.MOST_AT_COMMIT) -> bool:
        """The profiles of up to `limit` users of whom they are pending. Whether to call again."""
        return await profiles.recompute_some(self._transaction, limit)

    async def depart(self, keep: timedelta, revision: int) -> bool:
        """Note that there is no such tenant since `revision`, and when its data are to be erased. Exclusive only.

        Returns False, and does nothing, for a tenant that was never seen, has departed before, or is of this or a
        higher revision.
        """
        return await departures.depart(self._transaction, keep, revision)

    async def erase_some(self, limit: int = 5000) -> bool:
        """Erase up to `limit` rows of a tenant that is to be erased by now. Exclusive only.

        Whether to call again: False where nothing is left, or nothing is to be erased.
        """
        return await departures.erase_some(self._transaction, limit)

    async def use_assertion(self, assertion: bytes, expires: datetime) -> bool:
        """Whether the assertion, a digest that identifies it, wasn't used before."""
        return await used_assertions.use(self._transaction, assertion, expires)

    async def past_due(self, limit: int) -> Sequence[Due]:
        """The first of those whose time has come."""
        return await due.past(self._transaction, limit)

    async def deactivate(self, user_ids: Collection[str]) -> Collection[str]:
        """Those of the users that are blocked and whose time has come.

        Returns those whom another transaction holds.
        """
        return await users.deactivate(self._transaction, user_ids)

    async def follow_delay(self, after: str, limit: int) -> None:
        """Blocked users whose ids follow `after` are deactivated when the delay says now; the rest is due at once."""
        await users.follow_delay(self._transaction, after, limit)

    async def correct_states(self, limit: int) -> int:
        """Of users whom a server that doesn't know of states has set active or inactive; how many there were."""
        return await users.correct_states(self._transaction, limit)

    async def forget_deleted(self, ids: Collection[str]) -> None:
        """That these were a user's or a group's, and all that is personal of the users."""
        await erasure.forget_deleted(self._transaction, ids)

    async def forget_events(self, before: datetime, limit: int) -> int:
        """Remove the oldest events, up to the first one that isn't `before`; how many there were, at most `limit`.

        Whoever follows the feed and has not got so far is told that events were missed.
        """
        return await events.forget_first(self._transaction, before, limit)

    async def apply_observed(self, limit: int) -> bool:
        """What up to `limit` users were set to while the policy only observed. Whether to call again."""
        return await observed.apply_some(self._transaction, limit)

    async def due_hold(self, hold_id: str) -> Hold | None:
        """A hold that is to be worked off by now."""
        return await hold_ends.find_due(self._transaction, hold_id)

    async def work_off_hold(self, hold: Hold, limit: int) -> bool:
        """Of a decided hold, up to `limit` users. Whether to go on; users whom others hold are left for later."""
        return await hold_ends.work_off_some(self._transaction, hold, limit)

    async def forget_captures(self, before: datetime) -> None:
        await captures.forget_old(self._transaction, before)

    async def forget_log(self, before: datetime, limit: int) -> int:
        """The oldest lines of the sync log; how many there were, at most `limit`."""
        return await sync_log.forget_old(self._transaction, before, limit)

    async def done(self, what: Collection[Due]) -> None:
        """It was due, and needn't be done any more."""
        await due.remove_past(self._transaction, what)

    async def know_webhooks(self, types: Mapping[str, Collection[str]], revision: int) -> None:
        """A configuration of this revision has these, by name, for events of these types. A new one begins with the
        events that come from now on."""
        await webhooks.know(self._transaction, types, revision)

    async def forget_webhook(self, name: str, revision: int) -> None:
        """With its deliveries, unless a newer configuration than the one of this revision has it."""
        await webhooks.forget(self._transaction, name, revision)

    async def claim_webhook(self, name: str, owner: str, seen_owner: str | None, seen_beat: int) -> bool:
        """Become the owner of one that is as it was seen: without an owner, or with one that is gone."""
        return await webhooks.claim(self._transaction, name, owner, seen_owner, seen_beat)

    async def release_webhook(self, name: str, owner: str) -> None:
        await webhooks.release(self._transaction, name, owner)

    async def note_deliveries(
        self, name: str, owner: str, progress: WebhookProgress, changed: Collection[Delivery], *, hurry: bool
    ) -> bool:
        """What became of some. False, and nothing, where another server owns the webhook by now.

        `hurry`: its receiver is back, all that is pending is due.
        """
        if not await webhooks.note_progress(self._transaction, name, owner, progress):
            return False
        await deliveries.put(self._transaction, changed)
        if hurry:
            await deliveries.hurry(self._transaction, name)
        return True

    async def give_up_deliveries(self, name: str, since: datetime, why: str) -> int:
        """Those that are pending since then. How many there were."""
        return await deliveries.give_up(self._transaction, name, since, why)

    async def replay_events(
        self, name: str, positions: tuple[int, int], types: Sequence[str], asked: Replay = ANY_TIME
    ) -> int:
        """Deliver events of these types and this time once more, from the first position to the last, as far as the
        webhook is past them. How many there are."""
        return await deliveries.replay(self._transaction, name, positions, types, asked)

    async def forget_deliveries(self, before: datetime, limit: int) -> int:
        """Of older events, but what is pending. How many there were, of `limit` at most."""
        return await deliveries.forget_before(self._transaction, before, limit)
