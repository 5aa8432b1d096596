"""Effects to events: one for each real change, with the whole user or group after it."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scim_server.provisioning.events import (
    EventGroup,
    EventType,
    EventUser,
    RolesWithReasons,
    group_event,
    held_event,
    members_event,
    user_event,
)
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.roles import EffectiveRole, Reason, permissions_of
from scim_server.storage.effects import (
    DeletedUserDeactivated,
    GroupCreated,
    GroupDeleted,
    GroupMembersChanged,
    GroupUpdated,
    HoldOpened,
    ProfilesChanged,
    RolesChanged,
    StateChanged,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from scim_server.storage.records import GroupRecord, RoleChange, Tombstone, UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.shown_profiles import shown_profile
from scim_server.storage.tables import groups, roles, users
from scim_server.storage.tables.events import NewEvent

_NO_ROLES: RolesWithReasons = {}


@dataclass(slots=True)
class _UserChange:
    """What one transaction did to one user."""

    before: UserRecord | None = None
    after: UserRecord | None = None
    created: bool = False
    deleted: bool = False
    previous_id: str | None = None
    state_before: State | None = None
    state: State | None = None
    added: dict[str, Collection[Reason]] = field(default_factory=dict)
    removed: dict[str, Collection[Reason]] = field(default_factory=dict)
    new_profile: bool = False


async def events_of(tx: Transaction) -> list[NewEvent]:
    """In the order of the effects, but that all of one user come where its first one does."""
    changes = _user_changes(tx)
    present = await _people(tx, changes) if changes else {}
    events: list[NewEvent] = []
    told: set[str] = set()
    for effect in tx.effects.all:
        for user_id in _users_of(effect):
            if user_id not in told:
                told.add(user_id)
                events += _user_events(tx, user_id, changes[user_id], present)
        if isinstance(effect, DeletedUserDeactivated):
            events.append(_deactivated_after_deletion(tx, effect.user))
        if isinstance(effect, HoldOpened):
            payload = held_event(tx.now, tx.tenant, tx.cause, effect.hold.id, effect.hold.kind, effect.hold.expires)
            events.append(NewEvent(EventType.PROVISIONING_HELD, payload, str(uuid.uuid4())))
        if event := await _group_event(tx, effect):
            events.append(event)
    return events


def _users_of(effect: object) -> Iterable[str]:
    match effect:
        case UserCreated(user=user) | UserUpdated(user=user) | UserDeleted(user=user):
            return (user.id,)
        case StateChanged(user_id=user_id):
            return (user_id,)
        case RolesChanged(changes=changes):
            return (change.user_id for change in changes)
        case ProfilesChanged(changes=profile_changes):
            return (change.user_id for change in profile_changes)
        case _:
            return ()


def _user_changes(tx: Transaction) -> dict[str, _UserChange]:
    changes: dict[str, _UserChange] = {}

    def of(user_id: str) -> _UserChange:
        return changes.setdefault(user_id, _UserChange())

    for effect in tx.effects.all:
        match effect:
            case UserCreated(user=user, previous_id=previous_id):
                change = of(user.id)
                change.created, change.after, change.previous_id = True, user, previous_id
            case UserUpdated(before=before, user=user):
                change = of(user.id)
                change.before, change.after = change.before or before, user
            case UserDeleted(user=user, state=state):
                change = of(user.id)
                change.deleted, change.before, change.state = True, change.before or user, state
            case StateChanged(user_id=user_id, before=before_state, state=state):
                change = of(user_id)
                change.state_before, change.state = change.state_before or before_state, state
            case RolesChanged(changes=role_changes):
                for role_change in role_changes:
                    change = of(role_change.user_id)
                    _add_roles(change, role_change)
            case ProfilesChanged(changes=profile_changes):
                for profile_change in profile_changes:
                    of(profile_change.user_id).new_profile = True
            case _:
                pass
    return changes


def _add_roles(change: _UserChange, more: RoleChange) -> None:
    """What was given and taken again in one transaction is no change."""
    for role, reasons in more.added.items():
        if change.removed.pop(role, None) is None:
            change.added[role] = reasons
    for role, reasons in more.removed.items():
        if change.added.pop(role, None) is None:
            change.removed[role] = reasons


async def _people(tx: Transaction, changes: Mapping[str, _UserChange]) -> Mapping[str, EventUser]:
    """The users after the transaction. Whom it deleted has no roles any more."""
    policy = await tx.policy()
    records = {user_id: change.after for user_id, change in changes.items() if change.after is not None}
    records |= {user_id: change.before for user_id, change in changes.items() if change.deleted and change.before}
    if missing := [user_id for user_id in changes if user_id not in records]:
        records |= {record.id: record for record in await users.read_some(tx, missing)}
    held: dict[str, Sequence[EffectiveRole]] = {
        user_id: tuple(EffectiveRole(role, tx.now, tuple(change.added[role])) for role in sorted(change.added))
        for user_id, change in changes.items()
        if change.created
    }
    others = [user_id for user_id, change in changes.items() if not change.created and not change.deleted]
    held |= await _held_roles(tx, others)
    return {
        record.id: EventUser(
            record.id,
            record.document["userName"],
            record.document.get("externalId"),
            changes[record.id].state or record.state,
            shown_profile(record, policy),
            held.get(record.id, ()),
            permissions_of((role.value for role in held.get(record.id, ())), policy.permissions),
        )
        for record in records.values()
    }


async def _held_roles(tx: Transaction, user_ids: list[str]) -> Mapping[str, Sequence[EffectiveRole]]:
    found: dict[str, Sequence[EffectiveRole]] = {}
    left = sorted(user_ids)
    while left:
        part = await roles.effective(tx, left[:1000])
        found |= part
        left = left[len(part) :]
    return found


def _user_events(
    tx: Transaction, user_id: str, change: _UserChange, present: Mapping[str, EventUser]
) -> Iterable[NewEvent]:
    user = present.get(user_id)
    if user is None or (change.created and change.deleted):
        return
    for type_, tells_of_roles in _types(change):
        added, removed = (change.added, change.removed) if tells_of_roles else (_NO_ROLES, _NO_ROLES)
        payload = user_event(type_, tx.now, tx.tenant, tx.cause, user, added, removed, change.previous_id)
        yield NewEvent(type_, payload, str(uuid.uuid4()), user_id=user_id)


def _types(change: _UserChange) -> Iterable[tuple[EventType, bool]]:
    """The types, and whether the event of that type tells of the roles that were gained and lost.

    That is one of them: whoever is blocked loses roles by it, which is no second change.
    """
    if change.created:
        yield EventType.USER_CREATED, True
        return
    if change.deleted:
        yield EventType.USER_DELETED, True
        return
    if change.new_profile or (change.before and change.after and _differs(change.before, change.after)):
        yield EventType.USER_UPDATED, False
    if change.state is not None and change.state is not change.state_before:
        yield _OF_STATE[change.state], True
    elif change.added or change.removed:
        yield EventType.USER_ROLES_CHANGED, True


def _deactivated_after_deletion(tx: Transaction, deleted: Tombstone) -> NewEvent:
    type_, name = EventType.USER_DEACTIVATED, deleted.user_name
    user = EventUser(deleted.id, name, deleted.external_id, State.DEACTIVATED, {}, (), ())
    payload = user_event(type_, tx.now, tx.tenant, tx.cause, user, _NO_ROLES, _NO_ROLES)
    return NewEvent(type_, payload, str(uuid.uuid4()), user_id=deleted.id)


_OF_STATE = {
    State.ACTIVE: EventType.USER_REACTIVATED,
    State.BLOCKED: EventType.USER_BLOCKED,
    State.DEACTIVATED: EventType.USER_DEACTIVATED,
}


def _differs(before: UserRecord, after: UserRecord) -> bool:
    """In something besides `active`, of which the state tells."""
    return {**before.document, "active": None} != {**after.document, "active": None}


async def _group_event(tx: Transaction, effect: object) -> NewEvent | None:
    match effect:
        case GroupCreated(group=group):
            return _of_group(tx, EventType.GROUP_CREATED, group)
        case GroupUpdated(group=group):
            return _of_group(tx, EventType.GROUP_UPDATED, group)
        case GroupDeleted(group=group):
            return _of_group(tx, EventType.GROUP_DELETED, group)
        case GroupMembersChanged(group_id=group_id, members=members):
            subject = tx.subject if tx.subject is not None and tx.subject.id == group_id else None
            record = subject or await groups.read(tx, group_id)
            assert record is not None  # noqa: S101 - its members were changed
            shown = _shown(record)
            added = [*members.added_users, *members.added_groups]
            removed = [*members.removed_users, *members.removed_groups]
            payload = members_event(tx.now, tx.tenant, tx.cause, shown, added, removed)
            return NewEvent(EventType.GROUP_MEMBERS_CHANGED, payload, str(uuid.uuid4()), group_id=group_id)
        case _:
            return None


def _of_group(tx: Transaction, type_: EventType, group: GroupRecord) -> NewEvent:
    payload = group_event(type_, tx.now, tx.tenant, tx.cause, _shown(group))
    return NewEvent(type_, payload, str(uuid.uuid4()), group_id=group.id)


def _shown(group: GroupRecord | UserRecord) -> EventGroup:
    return EventGroup(group.id, group.document.get("displayName"), group.document.get("externalId"))
