"""The pool, transactions and what concerns all tenants."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg

from scim_server.storage.errors import NeedsExclusive, StorageUnavailable
from scim_server.storage.postgres.failures import AGAIN, translated_at_start
from scim_server.storage.postgres.migrate import migrate
from scim_server.storage.postgres.pool import Pool
from scim_server.storage.postgres.reader import PostgresReader, PostgresWriter
from scim_server.storage.postgres.session import Connection, TryAgain, tenant_lock
from scim_server.storage.protocol import NullObserver, Reader, StorageObserver, Writer
from scim_server.storage.records import CredentialUses, Document, PoolUsage, UserRecord

T = TypeVar("T")

_ATTEMPTS = 10
_SHARING_ATTEMPTS = 4
"""After so many a transaction takes its tenant alone, where nobody else can get in its way."""
_LONGEST_PAUSE = 0.2  # seconds between attempts
_CONNECT_TIMEOUT = 10.0
_COMMAND_TIMEOUT = 60.0  # for a PostgreSQL that doesn't answer at all; it ends its own statements before
_PING_TIMEOUT = 5.0

_SETTINGS = {
    "application_name": "scim-server",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than any of our statements
    "statement_timeout": "50s",
    "lock_timeout": "30s",
    # A replica that died in the middle gives its locks back:
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "5s",
}
_LONGEST_KEPT_STATEMENT = 4096
"""Characters. Each of our own has fewer. Clients make up longer ones with filters, and a connection keeps 256."""

# Each replica knows a part of the tenants' revisions; the rows are locked in order, so that replicas don't deadlock.
_BUMP = """
    WITH offered AS (
        SELECT * FROM unnest($1::text[], $2::text[], $4::text[]) AS o (tenant, fingerprint, uid)
    ), same AS MATERIALIZED (
        SELECT t.tenant FROM tenants t JOIN offered o ON o.tenant = t.tenant AND o.fingerprint = t.fingerprint
        WHERE t.revision < $3 AND t.departed IS NULL AND (o.uid IS NULL OR o.uid = t.uid)
        ORDER BY t.tenant
        FOR NO KEY UPDATE OF t
    )
    UPDATE tenants t SET revision = $3 FROM same WHERE t.tenant = same.tenant
"""

_OTHERS = """
    SELECT o.tenant FROM unnest($1::text[]) AS o (tenant)
    WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.tenant = o.tenant AND t.revision >= $2)
    ORDER BY o.tenant
"""

# Replicas that forget at once must not wait for each other.
_USE_ASSERTION = """
    WITH forgotten AS (
        DELETE FROM used_assertions WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM used_assertions WHERE tenant = $1 AND expires < $4 LIMIT 100 FOR UPDATE SKIP LOCKED
        ))
    )
    INSERT INTO used_assertions (tenant, assertion, expires) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING true
"""

# In order, so that replicas don't deadlock.
_NOTE_USES = """
    INSERT INTO credential_uses (tenant, credential, used)
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS u (tenant, credential, used)
    ORDER BY u.tenant COLLATE "C", u.credential COLLATE "C"
    ON CONFLICT (tenant, credential) DO UPDATE SET used = excluded.used WHERE credential_uses.used < excluded.used
"""


class PostgresStorage:
    """`protocol.Storage` on one PostgreSQL database.

    `dsn` as asyncpg takes it: `postgresql://user:password@host:port/database?…`, with `host=/directory` for Unix
    sockets. `pool_size` bounds the connections of this process, of which a tenant has its share; migrating takes one
    more, at start. `patience`: how many seconds a task waits for a free one before it is told `StorageUnavailable`.
    """

    def __init__(
        self, dsn: str, *, pool_size: int = 16, patience: float = 10.0, observer: StorageObserver | None = None
    ) -> None:
        self._dsn = dsn
        self._pool_size = pool_size
        self._patience = patience
        self._observer = observer or NullObserver()
        self._pool: Pool | None = None

    async def open(self) -> None:
        with translated_at_start():
            await self._migrate()
        self._pool = Pool(self._connect, self._pool_size, self._observer)

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def ping(self) -> None:
        async with self._connection(patience=_PING_TIMEOUT) as connection:
            try:
                await connection.fetchval("SELECT 1", timeout=_PING_TIMEOUT)
            except TimeoutError:
                connection.terminate()  # rather than to wait for its cancellation as well
                raise

    def usage(self) -> PoolUsage:
        return PoolUsage(self._pool_size) if self._pool is None else self._pool.usage()

    async def read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        async with self._connection(tenant) as connection:
            if not snapshot:
                return await work(PostgresReader(connection, tenant))
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            result = await work(PostgresReader(connection, tenant))
            await connection.execute("COMMIT")
            return result

    async def write(self, tenant: str, work: Callable[[Writer], Awaitable[T]], *, exclusive: bool = False) -> T:
        async def attempt(connection: Connection, exclusive: bool) -> T:
            return await _transaction(connection, tenant, work, exclusive=exclusive)

        return await self._until_it_works(tenant, attempt, exclusive=exclusive)

    async def insert_user(self, tenant: str, document: Document, active: bool) -> UserRecord:
        async def attempt(connection: Connection, exclusive: bool) -> UserRecord:
            writer = PostgresWriter(connection, tenant, datetime.now(UTC), exclusive=exclusive)
            return await writer.insert_user(document, active)  # one statement, so a transaction by itself

        return await self._until_it_works(tenant, attempt)

    async def _until_it_works(
        self, tenant: str, attempt_with: Callable[[Connection, bool], Awaitable[T]], *, exclusive: bool = False
    ) -> T:
        last: Exception | None = None
        for attempt in range(_ATTEMPTS):
            try:
                async with self._connection(tenant) as connection:
                    return await attempt_with(connection, exclusive)
            except NeedsExclusive:
                exclusive = True
            except (*AGAIN, TryAgain) as error:
                last = error
                exclusive = exclusive or attempt + 1 >= _SHARING_ATTEMPTS
                self._observer.retried()
                await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE * (attempt + 1) / _ATTEMPTS))  # noqa: S311
        raise StorageUnavailable(f"other transactions got in the way {_ATTEMPTS} times") from last

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        async with self._connection(tenant) as connection:
            new: bool | None = await connection.fetchval(
                _USE_ASSERTION, tenant, assertion, expires, datetime.now(UTC)
            )
        return new is True

    async def note_uses(self, uses: CredentialUses) -> None:
        tenants, credentials = [tenant for tenant, _ in uses], [credential for _, credential in uses]

        async def attempt(connection: Connection, exclusive: bool) -> None:
            await connection.execute(_NOTE_USES, tenants, credentials, [*uses.values()])

        await self._until_it_works("", attempt)

    async def uses(self) -> CredentialUses:
        async with self._connection() as connection:
            rows = await connection.fetch("SELECT tenant, credential, used FROM credential_uses")
        return {(row["tenant"], row["credential"]): row["used"] for row in rows}

    async def highest_revision(self) -> int:
        async with self._connection() as connection:
            revision: int = await connection.fetchval("SELECT coalesce(max(revision), 0) FROM tenants")
        return revision

    async def unsettled_tenants(self) -> Sequence[str]:
        async with self._connection() as connection:
            rows = await connection.fetch(
                "SELECT tenant FROM tenants t WHERE EXISTS (SELECT FROM unsettled u WHERE u.tenant = t.tenant)"
                " ORDER BY tenant"
            )
        return [row["tenant"] for row in rows]

    async def tenants_to_erase(self) -> Sequence[str]:
        async with self._connection() as connection:
            rows = await connection.fetch("SELECT tenant FROM tenants WHERE erase_at <= now() ORDER BY tenant")
        return [row["tenant"] for row in rows]

    async def bump_revisions(
        self, fingerprints: Mapping[str, str], revision: int, uids: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        tenants, digests = [*fingerprints], [*fingerprints.values()]
        uids = uids or {}
        async with self._connection() as connection:
            await connection.execute(_BUMP, tenants, digests, revision, [uids.get(tenant) for tenant in tenants])
            rows = await connection.fetch(_OTHERS, tenants, revision)
        return [row["tenant"] for row in rows]

    async def _migrate(self) -> None:
        """On a connection of its own, whose statements may take as long as they need."""
        settings = {**_SETTINGS, "statement_timeout": "0"}
        connection = await asyncpg.connect(self._dsn, timeout=_CONNECT_TIMEOUT, server_settings=settings)
        try:
            await migrate(connection)
        finally:
            await connection.close(timeout=_CONNECT_TIMEOUT)

    async def _connect(self, seconds: float) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._dsn,
            timeout=seconds,
            command_timeout=_COMMAND_TIMEOUT,
            statement_cache_size=256,
            max_cacheable_statement_size=_LONGEST_KEPT_STATEMENT,
            server_settings=_SETTINGS,
        )

    def _connection(
        self, tenant: str = "", *, patience: float | None = None
    ) -> AbstractAsyncContextManager[asyncpg.Connection]:
        if self._pool is None:
            raise StorageUnavailable("the storage is not open")
        return self._pool.connection(patience or self._patience, tenant)


async def _transaction(
    connection: Connection, tenant: str, work: Callable[[Writer], Awaitable[T]], *, exclusive: bool
) -> T:
    """One transaction: two round trips beside those of `work`. The pool rolls it back where it fails."""
    kind = "" if exclusive else "_shared"
    await connection.execute(f"BEGIN; SELECT pg_advisory_xact_lock{kind}({tenant_lock(tenant)})")
    result = await work(PostgresWriter(connection, tenant, datetime.now(UTC), exclusive=exclusive))
    ended = await connection.execute("COMMIT")
    if ended != "COMMIT":  # what PostgreSQL answers when an earlier statement had failed
        raise RuntimeError(f"the transaction ended with {ended}")
    return result
