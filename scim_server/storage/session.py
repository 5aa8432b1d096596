"""What statements run on: one tenant on one connection."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ParamSpec, Protocol, TypeVar

from scim_server.provisioning.cause import Cause
from scim_server.provisioning.policy import NO_POLICY, Policy
from scim_server.storage.effects import Effects
from scim_server.storage.policies import Policies
from scim_server.storage.records import Document, GroupRecord, UserRecord
from scim_server.storage.search import CompiledSearch, FittingRows
from scim_server.storage.search.dialect import Dialect
from scim_server.storage.statement import Statement, Together

P = ParamSpec("P")
T = TypeVar("T")

Row = Any
"""Read by the names of its columns."""


class Session(Protocol):
    """Parameters are str, int, bool, bytes, datetime, timedelta, None, or a list of str.

    Ids and times of rows differ between the databases: `str(row["id"])`, `session.time(row["created"])`.
    """

    tenant: str
    dialect: Dialect
    """Of searches."""
    gave_up: type[Exception]

    async def fetch(self, statement: Statement, *parameters: object) -> Sequence[Row]: ...
    async def fetch_one(self, statement: Statement, *parameters: object) -> Row | None: ...
    async def execute(self, statement: Statement, *parameters: object) -> int:
        """The number of rows that it changed."""
        ...

    async def batch(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        """The statement once with each row of parameters, in one round trip."""
        ...

    async def together(self, statements: Together, *parameters: object) -> Mapping[str, Sequence[Row]]:
        """The rows of each statement that returns any, by its name."""
        ...

    async def fetch_page(self, search: CompiledSearch) -> FittingRows:
        """Neither this nor `fetch_total` takes longer than `SEARCH_SECONDS`: they raise `gave_up`."""
        ...

    async def fetch_total(self, search: CompiledSearch) -> Row: ...

    async def compute(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Call a function that takes long, off the event loop."""
        ...

    def time(self, value: Any) -> datetime: ...
    def json_time(self, value: datetime) -> object:
        """In JSON of which a statement makes rows."""
        ...

    def span(self, value: Any) -> timedelta: ...

    def folded(self, document: Document) -> str | None:
        """The copy that filters read, where the database holds one."""
        ...


class Transaction:
    """A session that writes, until it is committed: what every change of a tenant works with."""

    def __init__(
        self, session: Session, clock: Callable[[], datetime], policies: Policies, cause: Cause, *, exclusive: bool
    ) -> None:
        self._session = session
        self._clock = clock
        self._policies = policies
        self._policy: Policy | None = None
        self.cause = cause
        self.tenant = session.tenant
        self.dialect = session.dialect
        self.gave_up = session.gave_up
        self.exclusive = exclusive
        """Whether the tenant is held alone; else it is shared with others who change users and memberships."""
        self.now = clock()
        """`created`, `modified` and `since` of what is changed from here on."""
        self.effects = Effects()
        """What really changed."""
        self.touched: list[GroupRecord] = []
        """Groups whose version and modified move with this transaction: written at its end, with what follows from
        it, which saves a round trip."""
        self.subject: UserRecord | GroupRecord | None = None
        """The user or group that was locked or made last: what a request is about, also where it changes nothing."""

    def has_waited(self) -> None:
        """A lock was waited for: what is changed from here on is changed now."""
        self.now = max(self.now, self._clock())

    def not_before(self, time: datetime) -> None:
        """What is changed from here on isn't changed before this time of the database's clock."""
        self.now = max(self.now, time)

    async def policy(self) -> Policy:
        """The one that the database holds, by which everything in this transaction is decided.

        It can't change meanwhile: that takes the tenant's lock alone. A statement that reads the fingerprint beside
        what it is for (`note_fingerprint`) saves a round trip.
        """
        if self._policy is None:
            row = await self.fetch_one(_FINGERPRINT, self.tenant)
            self.note_fingerprint(None if row is None else row["fingerprint"])
        if self._policy is None:
            row = await self.fetch_one(_POLICY, self.tenant)
            self.use_policy(NO_POLICY if row is None else Policy.from_json(row["rules"]))
        assert self._policy is not None  # noqa: S101 - see above
        return self._policy

    def note_fingerprint(self, fingerprint: str | None) -> None:
        """Of the stored policy; None where no configuration was applied to the tenant."""
        if self._policy is None:
            if fingerprint is None:
                self._policy = NO_POLICY
            else:
                self._policy = self._policies.with_fingerprint(self.tenant, fingerprint)

    def use_policy(self, policy: Policy) -> None:
        """It was read or stored by this transaction."""
        self._policies.put(self.tenant, policy)
        self._policy = policy

    async def fetch(self, statement: Statement, *parameters: object) -> Sequence[Row]:
        return await self._session.fetch(statement, *parameters)

    async def fetch_one(self, statement: Statement, *parameters: object) -> Row | None:
        return await self._session.fetch_one(statement, *parameters)

    async def execute(self, statement: Statement, *parameters: object) -> int:
        return await self._session.execute(statement, *parameters)

    async def batch(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        await self._session.batch(statement, rows)

    async def together(self, statements: Together, *parameters: object) -> Mapping[str, Sequence[Row]]:
        return await self._session.together(statements, *parameters)

    async def fetch_page(self, search: CompiledSearch) -> FittingRows:
        return await self._session.fetch_page(search)

    async def fetch_total(self, search: CompiledSearch) -> Row:
        return await self._session.fetch_total(search)

    async def compute(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await self._session.compute(function, *arguments, **named)

    def time(self, value: Any) -> datetime:
        return self._session.time(value)

    def json_time(self, value: datetime) -> object:
        return self._session.json_time(value)

    def span(self, value: Any) -> timedelta:
        return self._session.span(value)

    def folded(self, document: Document) -> str | None:
        return self._session.folded(document)


_FINGERPRINT = Statement("SELECT fingerprint FROM tenants WHERE tenant = $1")

_POLICY = Statement("SELECT rules FROM tenants WHERE tenant = $1")


def optional_time(session: Session, value: Any) -> datetime | None:
    return None if value is None else session.time(value)
