"""A new active user as one statement, which is its own transaction.

It takes one round trip, where the general way takes five (`python -m benchmarks create_users`). What follows from the
effects is the same: all of it is known before the statement, by the tenant's policy that was read last. The function
that inserts compares the policy's fingerprint with the stored one under the tenant's lock, and inserts nothing where
it is another.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NoReturn

import orjson

from scim_server.clock import Clock
from scim_server.provisioning.cause import Cause
from scim_server.provisioning.lifecycle import NO_DELAY
from scim_server.provisioning.policy import NO_POLICY
from scim_server.scim.errors import InvalidValue
from scim_server.storage.documents import to_json
from scim_server.storage.effects import Effects
from scim_server.storage.index_keys import keys_of_user
from scim_server.storage.new_records import new_user
from scim_server.storage.policies import Policies
from scim_server.storage.postgres.connection import Connection, tenant_lock
from scim_server.storage.postgres.session import PostgresSession
from scim_server.storage.records import Document, UserRecord
from scim_server.storage.session import Transaction
from scim_server.storage.tables import profiles, users
from scim_server.storage.tables.recorded import Recorded, rows_of

_PARAMETERS = ", ".join(f"${number}" for number in range(1, 19))
_INSERT = f"SELECT insert_active_user({_PARAMETERS}) AS inserted"
_INSERTED = frozenset({"events", "lines"})


class NewUsers:
    """`record` is `changes.record`."""

    def __init__(
        self, record: Callable[[Transaction], Awaitable[Recorded]], clock: Clock, policies: Policies
    ) -> None:
        self._record = record
        self._clock = clock
        self._policies = policies

    async def insert(
        self, connection: Connection, tenant: str, document: Document, cause: Cause
    ) -> tuple[UserRecord, Effects] | None:
        """None where the general way is to be gone: the name is taken, the user was deleted before, something else
        than events and a line of the log follows, or the tenant has another policy than the one that was read last.
        """
        policy = self._policies.known(tenant)
        if policy.has_general_windows or policy.observes:
            return None  # the clock is the database's, and what is only observed is stored in another way
        tx = Transaction(PostgresSession(_NO_CONNECTION, tenant), self._clock, self._policies, cause, exclusive=False)
        fingerprint = None if policy is NO_POLICY else policy.fingerprint
        tx.note_fingerprint(fingerprint)
        try:
            record = await profiles.of_new(tx, new_user(document, True, tx.now, NO_DELAY))
            tx.subject = record
            first = users.first_roles_of(policy, record, tx.now)
            users.add_failures(tx.effects, policy, first.failures)
            users.add_effects_of_new(tx.effects, record, first)
            following = rows_of(tx, await self._record(tx))
        except (_Reads, InvalidValue):  # another policy may not refuse it
            return None
        if following.keys() - _INSERTED or record.profile_failures:
            return None
        keys = keys_of_user(document)
        row = await connection.fetchrow(
            _INSERT,
            tenant_lock(tenant),
            fingerprint or "",
            tenant,
            record.id,
            keys.user_name,
            keys.display_name,
            keys.external_id,
            document.get("externalId"),
            tx.now,
            to_json(document),
            tx.folded(document),
            keys.emails,
            to_json(users.rows_of_first(first)),
            sorted(first.verdicts),
            *profiles.columns_of(record)[:2],  # the third is of failures
            *(orjson.dumps(following.get(name, ())).decode() for name in ("events", "lines")),
        )
        return (record, tx.effects) if row["inserted"] else None


class _Reads(Exception):
    """A transaction of several statements is needed."""


class _NoConnection:
    """What `record` must not use, where there is to be one statement only."""

    def _refuse(self) -> NoReturn:
        raise _Reads

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
