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

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from scim_server.provisioning.effective import GroupGrant, HeldRole
from scim_server.provisioning.grants import Grant, RoleRules
from scim_server.scim.patch import MembersDelta
from scim_server.storage.records import (
    CredentialUses,
    Document,
    GroupRecord,
    GroupReference,
    Member,
    MembersChanged,
    Page,
    PoolUsage,
    Query,
    RoleChange,
    RulesVersion,
    TenantCounts,
    UserRecord,
)

T = TypeVar("T")

LONGEST_WRITE = timedelta(minutes=5)
"""A transaction is committed this long after its `now` at the latest: statements and requests end sooner. The clocks
of the replicas may differ by some of it."""


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

    def members(self, group_id: str, chunk: int = 1000, *, names: bool = True) -> AsyncIterator[Sequence[Member]]:
        """All members, in the order of their ids, in chunks: never all in memory at once.

        `names`: with their `display`, which costs a look at each member.
        """
        ...

    async def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[GroupReference]]:
        """Direct and indirect groups of each user, by display name; `user_rows.MOST_ROWS` at most.

        Of the first users, as many as that suffices for, and of one at least: ask for the others again.
        """
        ...

    async def effective_roles(
        self, user_ids: Sequence[str]
    ) -> Mapping[str, tuple[Sequence[HeldRole], Sequence[GroupGrant]]]:
        """Held roles and the grants that reach each user: input for `provisioning.effective.explain`.

        Of the first users, as `groups_of`.
        """
        ...

    async def rules_version(self) -> RulesVersion | None:
        """None when no configuration was ever applied for this tenant, or none since it departed."""
        ...

    async def rules(self) -> RoleRules | None: ...

    async def counts(self, blocked_after: datetime) -> TenantCounts:
        """Inactive users count as blocked if their `blocked_at` is later than `blocked_after`."""
        ...


class Writer(Reader, Protocol):
    """Changes of one tenant, in one transaction."""

    exclusive: bool
    now: datetime
    """`created`, `modified`, `since` of what this transaction changes. Moves on where a user or group was locked,
    which may have taken a while. `modified` is always later than before, whatever the clocks of the replicas say."""

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

    async def delete_user(self, user_id: str, check: Callable[[UserRecord], None] | None = None) -> bool:
        """Also from all groups, whose version and modified move. False: there is none.

        `check` is called with the user, who can't change any more; nothing is done where it raises. To lock the
        user before would break the order of locks: its groups come first.
        """
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

    async def put_rules(self, rules: RoleRules, revision: int, uid: str | None = None) -> bool:
        """Store the rules of a newer revision and the grants of every group. Exclusive only.

        Returns False, and does nothing, when the database holds this or a higher revision. Users whose roles
        may change are recorded as unsettled, in the same transaction, to be worked off by `settle_some`.

        A tenant that had departed, or whose `uid` is another one than before, has returned: its users of before are
        counted as former ones. Those that were to be erased are erased first.
        """
        ...

    async def depart(self, keep: timedelta, revision: int) -> bool:
        """Note that there is no such tenant since `revision`, and when its data are to be erased. Exclusive only.

        Returns False, and does nothing, for a tenant that was never seen, has departed before, or is of this or a
        higher revision.
        """
        ...

    async def erase_some(self, limit: int = 5000) -> bool:
        """Erase up to `limit` rows of a tenant that is to be erased by now. Exclusive only.

        Whether to call again: False where nothing is left, or nothing is to be erased.
        """
        ...

    async def settle_some(self, limit: int = 5000) -> Sequence[RoleChange] | None:
        """Settle up to `limit` unsettled users; None when none is left (the rules are then settled).

        Several replicas may do this at once: each takes other users, and the last one waits for the others.
        """
        ...


class Storage(Protocol):
    async def open(self) -> None:
        """Connect and migrate (under a lock). Raises `StorageUnavailable`, `StorageUnusable`."""
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

    async def note_uses(self, uses: CredentialUses) -> None:
        """Of several replicas' notes on one credential the latest stays. Raises `StorageUnavailable`."""
        ...

    async def uses(self) -> CredentialUses:
        """What is noted of all tenants, also of credentials that they no longer have."""
        ...

    async def highest_revision(self) -> int:
        """The highest revision whose rules any tenant has seen; 0 if none."""
        ...

    async def unsettled_tenants(self) -> Sequence[str]: ...

    async def tenants_to_erase(self) -> Sequence[str]:
        """Departed tenants whose time has come. For an hour after the erasure too: a replica that doesn't know of
        the departure yet may still write."""
        ...

    async def bump_revisions(
        self, fingerprints: Mapping[str, str], revision: int, uids: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        """Raise the revision of the tenants whose stored rules have the given fingerprint already, and whose
        ProvisioningConfig is the same (`uids`, for those that have one).

        Returns the other tenants that are of a lower revision or were never seen: for them `put_rules` is to
        be called. A few statements for all tenants together.
        """
        ...
