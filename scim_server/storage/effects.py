"""What a transaction really changed. The methods of the `Writer` fill it; `changes` reads it before the commit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from scim_server.config import Decision
from scim_server.provisioning.cause import CauseKind
from scim_server.provisioning.guards import HoldKind
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.profile import MappingFailure
from scim_server.storage.records import (
    Document,
    GroupRecord,
    Hold,
    MembersChanged,
    RoleChange,
    Tombstone,
    UserRecord,
)


@dataclass(frozen=True, slots=True)
class UserCreated:
    user: UserRecord
    previous_id: str | None = None
    """Of the user that was deleted last of those with the same externalId, as long as that is known."""


@dataclass(frozen=True, slots=True)
class UserUpdated:
    """The document, `active` or both differ."""

    before: UserRecord
    user: UserRecord


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Also of a user who is created in another state than active (`before` is None)."""

    user_id: str
    before: State | None
    state: State
    deactivate_at: datetime | None
    """When a blocked user is deactivated."""


@dataclass(frozen=True, slots=True)
class UserDeleted:
    user: UserRecord
    state: State
    """What it is from now on: blocked until the delay is over, or deactivated."""
    delay_ends: datetime


@dataclass(frozen=True, slots=True)
class DeletedUserDeactivated:
    """The delay of a user who was deleted meanwhile is over."""

    user: Tombstone


@dataclass(frozen=True, slots=True)
class GroupCreated:
    group: GroupRecord


@dataclass(frozen=True, slots=True)
class GroupUpdated:
    before: GroupRecord
    group: GroupRecord


@dataclass(frozen=True, slots=True)
class GroupDeleted:
    group: GroupRecord


@dataclass(frozen=True, slots=True)
class GroupMembersChanged:
    group_id: str
    members: MembersChanged


@dataclass(frozen=True, slots=True)
class MembersLeftOut:
    """Members that were to be added, and are users or groups of the tenant that were deleted."""

    group_id: str
    ids: Collection[str]


@dataclass(frozen=True, slots=True)
class FirstRoles:
    """A new user has the roles of all users."""


@dataclass(frozen=True, slots=True)
class ActiveChanged:
    """The user was set active or inactive."""


@dataclass(frozen=True, slots=True)
class DocumentChanged:
    """Conditions are true that weren't, or the other way round."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The user is gone."""


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """The user joined or left the group, or one that is nested in it."""

    group_id: str


@dataclass(frozen=True, slots=True)
class GrantsChanged:
    """The group grants other roles: it was renamed, or deleted."""

    group_id: str


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """What was left to be done after a change of rules, or of a large group."""


RoleReason: TypeAlias = (
    FirstRoles | ActiveChanged | DocumentChanged | Deleted | MembershipChanged | GrantsChanged | RulesChanged
)


@dataclass(frozen=True, slots=True)
class RolesChanged:
    """Roles that users gained and lost, each user once, and what brought it about."""

    changes: Sequence[RoleChange]
    reason: RoleReason


@dataclass(frozen=True, slots=True)
class RolesPending:
    """Roles of so many users are computed after this transaction."""

    users: int


@dataclass(frozen=True, slots=True)
class EffectHeld:
    """A user isn't deactivated yet whom the provider has set inactive or deleted."""

    hold: str
    kind: HoldKind
    user: UserRecord
    deleted: bool


@dataclass(frozen=True, slots=True)
class DeletionKept:
    """For the provider the user is gone; for applications it is there as before."""

    user: UserRecord


@dataclass(frozen=True, slots=True)
class ObservationEnded:
    """The policy enforces from now on: what was only observed is to be applied."""


@dataclass(frozen=True, slots=True)
class HoldOpened:
    hold: Hold


@dataclass(frozen=True, slots=True)
class HoldDecided:
    hold: str
    decision: Decision
    by: CauseKind


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """Nothing is held by it any more."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A real change of one user's profile."""

    user_id: str
    before: Document
    after: Document


@dataclass(frozen=True, slots=True)
class ProfilesChanged:
    """Profiles that changed without their users: of a mapping, or of groups that give values."""

    changes: Sequence[ProfileChange]


@dataclass(frozen=True, slots=True)
class ProfilesPending:
    """Profiles of users are computed after this transaction."""


@dataclass(frozen=True, slots=True)
class ExpressionsFailed:
    """Expressions of mappings that failed for users of this transaction."""

    failures: Collection[MappingFailure]


@dataclass(frozen=True, slots=True)
class DelayChanged:
    """Blocked users are deactivated at other times than before."""


@dataclass(frozen=True, slots=True)
class WindowsChanged:
    """Grants open or close at other times than before."""


Effect: TypeAlias = (
    UserCreated
    | UserUpdated
    | StateChanged
    | UserDeleted
    | DeletedUserDeactivated
    | GroupCreated
    | GroupUpdated
    | GroupDeleted
    | GroupMembersChanged
    | MembersLeftOut
    | RolesChanged
    | RolesPending
    | DelayChanged
    | EffectHeld
    | ObservationEnded
    | DeletionKept
    | HoldOpened
    | HoldDecided
    | HoldEnded
    | WindowsChanged
    | ProfilesChanged
    | ProfilesPending
    | ExpressionsFailed
)


@dataclass(slots=True)
class Effects:
    """In the order in which they came about."""

    all: list[Effect] = field(default_factory=list)

    def add(self, effect: Effect) -> None:
        self.all.append(effect)
