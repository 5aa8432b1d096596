"""What a storage promises, on PostgreSQL and on SQLite; `storage` is the only place with SQL.

* Every method of a `Reader` or `Writer` acts on one tenant (`namespace/name`), which is the first part of every key:
  there is no way to ask across tenants.
* `Storage.write` is the only thing that commits. It runs its work in one transaction, lets `changes.record` write
  what follows from the effects, retries both when the database asks for that (serialization failure, deadlock), and
  returns only after the commit is durable. The work must therefore be repeatable: it keeps no state outside its
  transaction, and awaits nothing but its writer.
* Ids are random UUIDs made here, as canonical lower-case text; anything else that looks like an id is simply not
  found.
* Times are timezone-aware UTC with microseconds.

How roles stay right under concurrency. Three locks, always taken in this order:

1. the tenant's: shared by everything that changes a user or a membership; exclusive for what changes the grants of
   groups (new rules, a rename that matches other rules, nesting, deletion of a nested group). `Writer.exclusive` says
   which one a transaction holds;
2. the rows of the groups that are changed, in the order of their ids;
3. the rows of the users that are changed, in the order of their ids.

Roles are computed after the locks are held, in statements of their own, so that two transactions that take a user's
last two reasons for a role can't each still see the other's.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from scim_server.provisioning.cause import BY_MAPPING, Cause
from scim_server.storage.effects import Effects
from scim_server.storage.reader import Reader
from scim_server.storage.records import CredentialUses, Document, PoolUsage, StoredWebhook, UserRecord
from scim_server.storage.tables.captures import Capture
from scim_server.storage.tables.sync_log import LogLine
from scim_server.storage.writer import Writer

__all__ = ["LONGEST_WRITE", "NullObserver", "Reader", "Storage", "StorageObserver", "Writer"]

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
    """A `StorageObserver` that measures nothing."""

    def waited(self, seconds: float) -> None: ...
    def retried(self) -> None: ...


class Storage(Protocol):
    async def open(self, *, migrate: bool = True) -> None:
        """Connect and migrate (under a lock). Raises `StorageUnavailable`, `StorageUnusable`.

        Without `migrate` the database is taken as it is, beside a server that runs perhaps: one that isn't there, or
        of another schema than this program's, is unusable.
        """
        ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """Raises `StorageUnavailable`, after a few seconds where the database doesn't answer at all."""
        ...

    def usage(self) -> PoolUsage: ...

    def subscribe(self, listener: Callable[[str, Effects], None]) -> None:
        """`listener` is called with the tenant and the effects of each commit of this process, in the event loop.

        It is a hint, which a crash may lose: what must follow from a change is written by `changes.record`.
        """
        ...

    async def read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        """`snapshot`: everything that `work` reads is of one instant; costs PostgreSQL two round trips.

        Raises `StorageUnavailable`.
        """
        ...

    async def write(
        self,
        tenant: str,
        work: Callable[[Writer], Awaitable[T]],
        cause: Cause = BY_MAPPING,
        *,
        exclusive: bool = False,
    ) -> T:
        """One transaction, durable when this returns; retried as the module says. Raises `StorageUnavailable`."""
        ...

    async def insert_user(
        self, tenant: str, document: Document, active: bool, cause: Cause = BY_MAPPING
    ) -> UserRecord:
        """A `write` of `Writer.insert_user` alone, in as few round trips as can be. Raises `UserNameTaken` too."""
        ...

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        """Whether the assertion, a digest that identifies it, wasn't used before. Expired ones may be forgotten."""
        ...

    async def note_uses(self, uses: CredentialUses) -> None:
        """Of several replicas' notes on one credential the latest stays. Raises `StorageUnavailable`."""
        ...

    async def uses(self) -> CredentialUses:
        """What is noted of all tenants, also of credentials that they no longer have."""
        ...

    async def log_refused(self, tenant: str, lines: Sequence[LogLine]) -> None:
        """Lines of the sync log on requests that changed nothing, in a transaction of its own."""
        ...

    async def keep_captures(self, tenant: str, captures: Sequence[Capture]) -> None:
        """In a transaction of its own; the oldest of the tenant go beyond a number."""
        ...

    async def tenants(self) -> Sequence[str]:
        """Those that are there, in order: neither departed nor only ever seen by their data."""
        ...

    async def revisions(self) -> Mapping[str, int]:
        """By tenant, the highest revision that it has seen, departed ones included."""
        ...

    async def raise_revisions(
        self, fingerprints: Mapping[str, str], revision: int, uids: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        """Raise the revision of the tenants whose stored rules have the given fingerprint already, and whose
        ProvisioningConfig is the same (`uids`, for those that have one).

        Returns the other tenants that are of a lower revision or were never seen: for them `Writer.put_rules` is to
        be called. A few statements for all tenants together.
        """
        ...

    async def pending_tenants(self) -> Sequence[str]:
        """Those with users whose roles are to be computed again."""
        ...

    async def tenants_without_reasons(self) -> Sequence[str]:
        """Those with users for `Writer.find_reasons`."""
        ...

    async def tenants_with_pending_profiles(self) -> Sequence[str]:
        """Those with users whose profiles are to be computed again."""
        ...

    async def tenants_to_erase(self) -> Sequence[str]:
        """Departed tenants whose time has come. For an hour after the erasure too: a replica that doesn't know of
        the departure yet may still write."""
        ...

    async def due_tenants(self) -> Sequence[str]:
        """Those with something that was to be done by now."""
        ...

    async def next_due(self) -> datetime | None:
        """When something is to be done next, which may be past."""
        ...

    async def overwrite_erased(self) -> bool:
        """Leave nothing in the database's files of what was erased, as far as that is the server's to do: PostgreSQL
        does it itself (VACUUM). False where it has to be tried again: somebody reads."""
        ...

    async def tenants_with_unlike_states(self) -> Sequence[str]:
        """Those with users for `Writer.correct_states`."""
        ...

    async def webhooks(self) -> Sequence[StoredWebhook]:
        """Of all tenants."""
        ...

    async def beat_webhooks(self, owner: str) -> None:
        """The server lives that owns webhooks by this name."""
        ...
