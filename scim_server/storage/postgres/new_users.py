"""A new active user as one statement, which is its own transaction.

It takes one round trip. The general way takes three, and creates two thirds as many users in a second
(`python -m benchmarks create_users`). What follows from the effects is the same: they are known before the statement,
but for the roles. The function that inserts compares those under the tenant's lock, and inserts nothing where they
aren't the expected ones. A user of whom `changes.record` writes anything goes the general way.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NoReturn

from scim_server.clock import Clock
from scim_server.provisioning.cause import Cause
from scim_server.provisioning.lifecycle import NO_DELAY
from scim_server.storage.documents import to_json
from scim_server.storage.effects import Effects
from scim_server.storage.index_keys import keys_of_user
from scim_server.storage.new_records import new_user
from scim_server.storage.policies import Policies
from scim_server.storage.postgres.connection import Connection, tenant_lock
from scim_server.storage.postgres.session import PostgresSession
from scim_server.storage.records import Document, UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.tables import users
from scim_server.storage.tables.recorded import Recorded

_INSERT = "SELECT inserted, first_roles FROM insert_active_user($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_ATTEMPTS = 2
_MOST_TENANTS = 10_000


class NewUsers:
    """`record` is `changes.record`."""

    def __init__(
        self, record: Callable[[Transaction], Awaitable[Recorded]], clock: Clock, policies: Policies
    ) -> None:
        self._record = record
        self._clock = clock
        self._policies = policies
        self._first_roles: dict[str, Sequence[str]] = {}
        """Of a tenant's new users, when one was last inserted: a guess, which the database looks at."""

    async def insert(
        self, connection: Connection, tenant: str, document: Document, cause: Cause
    ) -> tuple[UserRecord, Effects] | None:
        """None where the general way is to be gone: the name is taken, or `record` writes something."""
        for _ in range(_ATTEMPTS):
            expected = self._first_roles.get(tenant, ())
            tx = Transaction(
                PostgresSession(_NO_CONNECTION, tenant), self._clock, self._policies, cause, exclusive=False
            )
            record = new_user(document, True, tx.now, NO_DELAY)
            users.add_effects_of_new(tx.effects, record, expected)
            try:
                await self._record(tx)
            except _Writes:
                return None
            keys = keys_of_user(document)
            row = await connection.fetchrow(
                _INSERT,
                tenant_lock(tenant),
                tenant,
                record.id,
                keys.user_name,
                keys.display_name,
                keys.external_id,
                tx.now,
                to_json(document),
                tx.folded(document),
                keys.emails,
                expected,
            )
            if row["inserted"]:
                return record, tx.effects
            if row["first_roles"] == [*expected]:
                return None
            if len(self._first_roles) >= _MOST_TENANTS:
                self._first_roles.clear()
            self._first_roles[tenant] = row["first_roles"]
        return None


class _Writes(Exception):
    """A transaction of several statements is needed."""


class _NoConnection:
    """What `record` must not use, where there is to be one statement only."""

    def _refuse(self) -> NoReturn:
        raise _Writes

    async def execute(self, query: str, *parameters: object) -> str:
        self._refuse()

    async def executemany(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        self._refuse()

    async def fetch(self, query: str, *parameters: object, timeout: float | None = None) -> Sequence[Any]:  # noqa: ASYNC109 - asyncpg's
        self._refuse()

    async def fetchrow(self, query: str, *parameters: object, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        self._refuse()

    async def fetchval(self, query: str, *parameters: object) -> Any:
        self._refuse()


_NO_CONNECTION = _NoConnection()
