"""What a storage promises. Two implementations: PostgreSQL and SQLite; the only places with SQL.

* Every method of a `Reader` or `Writer` acts on one tenant (`namespace/name`), which is the first part of
  every key: there is no way to ask across tenants.
* `Storage.write` runs its work in one transaction, retries it when the database asks for that
  (serialization failure, deadlock), and returns only after the commit is durable. The work must therefore be
  repeatable: it may not keep state outside its transaction.
* Ids are random UUIDs made here, as canonical lower-case text; anything else that looks like an id is simply
  not found.
* Times are timezone-aware UTC with microseconds.

How roles stay right under concurrency. Three locks, always taken in this order:

1. the tenant's: shared by everything that changes a user or a membership; exclusive for what changes the
   grants of groups (new rules, a rename that matches other rules, nesting, deletion of a nested group).
   `Writer.exclusive` says which one a transaction holds;
2. the rows of the groups that are changed, in the order of their ids;
3. the rows of the users that are changed, in the order of their ids.

Roles are computed after the locks are held, in statements of their own, so that two transactions that take a
user's last two reasons for a role can't each still see the other's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from scim_server.provisioning.effective import GroupGrant, HeldRole
from scim_server.provisioning.grants import Grant, RoleRules
from scim_server.scim.filter import Filter
from scim_server.scim.patch import MembersDelta
from scim_server.scim.path import AttributePath

T = TypeVar("T")
Record = TypeVar("Record")

Document = dict[str, Any]
"""A SCIM resource as stored: canonical JSON without what storage or configuration derives.

Users: without `id`, `meta`, `schemas`, `groups`, `password`. Groups: without `id`, `meta`, `schemas`, `members`.
"""


@dataclass(frozen=True, slots=True)
class UserRecord:
    id: str
    document: Document
    active: bool
    blocked_at: datetime | None
    """When `active` last became false; None while active."""
    created: datetime
    modified: datetime
    version: int


@dataclass(frozen=True, slots=True)
class GroupRecord:
    id: str
    document: Document
    created: datetime
    modified: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group: `kind` is `User` or `Group`, `display` its displayName (or userName)."""

    id: str
    kind: str
    display: str | None


@dataclass(frozen=True, slots=True)
class GroupReference:
    """A group that a user is in; `direct` is false for one reached only through member groups."""

    id: str
    display: str
    direct: bool


@dataclass(frozen=True, slots=True)
class EffectiveContext:
    """What the configuration adds to stored users, as far as filters may ask for it."""

    blocked_after: datetime
    """An inactive user is blocked if its `blocked_at` is later, else deactivated."""
    permissions: Mapping[str, Collection[str]]
    """The catalogue: permissions by role name."""


SortKey: TypeAlias = str | bool | int | float | datetime | None
"""A value as the database sorts it, good for nothing but a `Position`; None where a resource has no value."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of a list: that of one resource, which may be gone by now."""

    created: datetime
    id: str
    key: SortKey = None
    """Its value of `sort_by`."""


@dataclass(frozen=True, slots=True)
class Query:
    """A list request. `start_index` is 1-based; `count` 0 asks for the total alone.

    The order is (created, id), after `sort_by` where there is one; resources without a value come last, or
    first when `descending` (RFC 7644 §3.4.2.3).
    """

    filter: Filter | None = None
    start_index: int = 1
    count: int = 100
    sort_by: AttributePath | None = None
    descending: bool = False
    effective: EffectiveContext | None = None
    """Needed where the filter speaks of `state` or `permissions` of the effective extension."""
    after: Position | None = None
    """Only what follows it in the order; `start_index` then counts from there. The total is still that of all."""
    wants_total: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """`total` is None only where it isn't wanted."""

    records: Sequence[Record]
    total: int | None
    end: Position | None
    """Of the last record, where more follow."""


@dataclass(frozen=True, slots=True)
class MembersChanged:
    """What a change of a group's members really did: ids that were not members before, or no longer are."""

    added_users: Collection[str] = ()
    removed_users: Collection[str] = ()
    added_groups: Collection[str] = ()
    removed_groups: Collection[str] = ()

    def __bool__(self) -> bool:
        return bool(self.added_users or self.removed_users or self.added_groups or self.removed_groups)


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A real change of one user's effective roles."""

    user_id: str
    added: frozenset[str]
    removed: frozenset[str]


@dataclass(frozen=True, slots=True)
class RulesStamp:
    """Which rules the database holds for a tenant. `settled`: all users' roles follow them already."""

    revision: int
    fingerprint: str
    settled: bool


@dataclass(frozen=True, slots=True)
class TenantCounts:
    active: int
    blocked: int
    deactivated: int
    groups: int
    last_sync: datetime | None
    """When a user or group last changed."""


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """Connections of this process to its database."""

    limit: int
    opened: int = 0
    in_use: int = 0
    waiting: int = 0
    """Tasks that wait for a connection."""


class StorageObserver(Protocol):
    """Is told, in the event loop, what the database costs beside the work itself."""

    def waited(self, seconds: float) -> None:
        """For a connection, whether one was had in the end or not."""
        ...

    def retried(self) -> None:
        """A transaction starts again because another one got in its way."""
        ...


class NullObserver:
    """`StorageObserver` for those who don't measure."""

    def waited(self, seconds: float) -> None: ...
    def retried(self) -> None: ...


class StorageError(Exception):
    """Base of what storage raises."""


class StorageUnavailable(StorageError):
    """The database can't be reached or doesn't answer in time. Nothing was applied, or it isn't known.

    The message is fit for a log: it says what the database said of itself, never values or passwords.
    """


class SchemaTooNew(StorageError):
    """The database was migrated by a newer version of the server. The message names both versions."""


class UserNameTaken(StorageError):
    """Another user of the tenant has this userName (compared without case)."""

    def __init__(self, existing_id: str) -> None:
        super().__init__("userName is taken")
        self.existing_id = existing_id


class DisplayNameTaken(StorageError):
    """Another group of the tenant has this displayName (compared without case)."""

    def __init__(self, existing_id: str) -> None:
        super().__init__("displayName is taken")
        self.existing_id = existing_id


class UnknownMembers(StorageError):
    """Members that are neither users nor groups of the tenant. At most 10 ids are kept."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__("members don't exist")
        self.ids = tuple(ids[:10])


class NeedsExclusive(StorageError):
    """The work changes grants or nesting: `Storage.write` runs it again, holding the tenant exclusively."""


class Reader(Protocol):
    """Reads of one tenant. Each method sees one consistent state; all of them the same one in a snapshot."""

    tenant: str

    async def user(self, user_id: str) -> UserRecord | None: ...
    async def users(self, query: Query) -> Page[UserRecord]:
        """Raises `scim.errors.InvalidFilter` for an attribute that can't be filtered on, naming it."""
        ...

    async def group(self, group_id: str) -> GroupRecord | None: ...
    async def groups(self, query: Query) -> Page[GroupRecord]:
        """Raises `scim.errors.InvalidFilter`, as `users` does."""
        ...

    def members(self, group_id: str, chunk: int = 1000) -> AsyncIterator[Sequence[Member]]:
        """All members, in the order of their ids, in chunks: never all in memory at once."""
        ...

    async def groups_of(self, user_ids: Collection[str]) -> Mapping[str, Sequence[GroupReference]]:
        """Direct and indirect groups of each user, by display name. Users without groups are absent."""
        ...

    async def effective_roles(
        self, user_ids: Collection[str]
    ) -> Mapping[str, tuple[Sequence[HeldRole], Sequence[GroupGrant]]]:
        """Held roles and the grants that reach each user: input for `provisioning.effective.explain`."""
        ...

    async def rules_stamp(self) -> RulesStamp | None:
        """None when no configuration was ever applied for this tenant."""
        ...

    async def rules(self) -> RoleRules | None: ...

    async def stamp(self) -> Hashable:
        """Another one when users or groups of the tenant came, went or were modified, or its rules changed."""
        ...

    async def counts(self, blocked_after: datetime) -> TenantCounts:
        """Inactive users count as blocked if their `blocked_at` is later than `blocked_after`."""
        ...


class Writer(Reader, Protocol):
    """Changes of one tenant, in one transaction."""

    exclusive: bool
    now: datetime
    """The instant of this transaction: `created`, `modified`, `since` of everything that it changes."""

    async def lock_user(self, user_id: str) -> UserRecord | None:
        """Read a user and keep others from changing it until the commit."""
        ...

    async def lock_group(self, group_id: str) -> GroupRecord | None: ...

    async def insert_user(self, document: Document, active: bool) -> UserRecord:
        """Raises `UserNameTaken`."""
        ...

    async def update_user(self, record: UserRecord, document: Document, active: bool) -> UserRecord:
        """Raises `UserNameTaken`. Moves version, modified and, where `active` changed, blocked_at."""
        ...

    async def delete_user(self, user_id: str) -> bool:
        """Also from all groups, whose version and modified move. False: there is none."""
        ...

    async def insert_group(self, document: Document, grants: Collection[Grant]) -> GroupRecord:
        """Raises `DisplayNameTaken`."""
        ...

    async def update_group(self, record: GroupRecord, document: Document, grants: Collection[Grant]) -> GroupRecord:
        """Raises `DisplayNameTaken`; `NeedsExclusive` when the grants change and only the shared lock is held.

        Where granted roles changed, the roles of all members, nested ones too, are settled here.
        """
        ...

    async def touch_group(self, record: GroupRecord) -> GroupRecord:
        """Move version and modified after a change of members alone."""
        ...

    async def delete_group(self, group_id: str) -> bool:
        """Settles the roles of those who were members. Raises `NeedsExclusive` when the group is nested."""
        ...

    async def change_members(self, group_id: str, delta: MembersDelta) -> MembersChanged:
        """Set-based; costs the size of the delta, never of the group. Settles the roles of all it affects.

        Raises `UnknownMembers` (only for ids that are to be added), `NeedsExclusive` where groups are nested.
        """
        ...

    async def settle_users(self, user_ids: Collection[str]) -> Sequence[RoleChange]:
        """Make `user_roles` of these users what memberships and grants say now; the changes that made."""
        ...

    async def put_rules(self, rules: RoleRules, revision: int) -> bool:
        """Store the rules of a newer revision and the grants of every group. Exclusive only.

        Returns False, and does nothing, when the database holds this or a higher revision. Users whose roles
        may change are recorded as unsettled, in the same transaction, to be worked off by `settle_some`.
        """
        ...

    async def settle_some(self, limit: int = 5000) -> Sequence[RoleChange] | None:
        """Settle up to `limit` unsettled users; None when none is left (the stamp is then settled).

        Several replicas may do this at once: each takes other users, and the last one waits for the others.
        """
        ...


class Storage(Protocol):
    async def open(self) -> None:
        """Connect and migrate (under a lock). Raises `StorageUnavailable`, `SchemaTooNew`."""
        ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """Raises `StorageUnavailable`, after a few seconds where the database doesn't answer at all."""
        ...

    def usage(self) -> PoolUsage: ...

    async def read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        """`snapshot`: everything that `work` reads is of one instant; costs PostgreSQL two round trips.

        Raises `StorageUnavailable`.
        """
        ...

    async def write(self, tenant: str, work: Callable[[Writer], Awaitable[T]], *, exclusive: bool = False) -> T:
        """One transaction, durable when this returns; retried as the module says. Raises `StorageUnavailable`."""
        ...

    async def insert_user(self, tenant: str, document: Document, active: bool) -> UserRecord:
        """`write` with `Writer.insert_user` alone: one round trip of PostgreSQL instead of three."""
        ...

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        """Whether the assertion wasn't used before, durable when this returns. Expired ones may be forgotten.

        `assertion`: a digest that identifies it. Raises `StorageUnavailable`.
        """
        ...

    async def highest_revision(self) -> int:
        """The highest revision whose rules any tenant has seen; 0 if none."""
        ...

    async def unsettled_tenants(self) -> Sequence[str]: ...

    async def bump_revisions(self, fingerprints: Mapping[str, str], revision: int) -> Sequence[str]:
        """Raise the revision of the tenants whose stored rules have the given fingerprint already.

        Returns the other tenants that are of a lower revision or were never seen: for them `put_rules` is to
        be called. A few statements for all tenants together.
        """
        ...
