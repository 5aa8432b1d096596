"""The pool and the transactions."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import TypeVar

from scim_server.clock import Clock, utc_now
from scim_server.provisioning.cause import BY_MAPPING, Cause
from scim_server.storage.base import BaseStorage, Record
from scim_server.storage.credential_files import NO_FILES, CredentialFiles
from scim_server.storage.effects import Effects
from scim_server.storage.errors import CredentialsRefused, NeedsExclusive, StorageUnavailable, TryAgain
from scim_server.storage.postgres.connecting import Connector
from scim_server.storage.postgres.connection import OpenConnection, tenant_lock
from scim_server.storage.postgres.credentials import Credentials
from scim_server.storage.postgres.failures import AGAIN, translated_at_start
from scim_server.storage.postgres.migrate import check_schema
from scim_server.storage.postgres.migrate import migrate as migrate_database
from scim_server.storage.postgres.new_users import NewUsers
from scim_server.storage.postgres.pool import Pool
from scim_server.storage.postgres.session import PostgresSession
from scim_server.storage.postgres.tls_files import check_tls_files
from scim_server.storage.protocol import NullObserver, StorageObserver
from scim_server.storage.records import Document, PoolUsage, UserRecord
from scim_server.storage.session import Session, Transaction

T = TypeVar("T")

_ATTEMPTS = 10
_SHARING_ATTEMPTS = 4
"""After so many a transaction takes its tenant alone, where nobody else can get in its way."""
_LONGEST_PAUSE = 0.2  # seconds between attempts
_CONNECT_TIMEOUT = 10.0
_PING_TIMEOUT = 5.0

_REPLACED_WITHIN_SECONDS = 120.0
"""A Secret that has changed is in the mounted file after so long."""


class PostgresStorage(BaseStorage):
    """`protocol.Storage` on one PostgreSQL database.

    `dsn` as asyncpg takes it: `postgresql://user:password@host:port/database?…`, with `host=/directory` for Unix
    sockets. `files` are read again for each new connection. `pool_size` bounds the connections of this process, of
    which a tenant has its share; migrating takes two more, at start. `patience`: how many seconds a task waits for a
    free one before it is told `StorageUnavailable`.
    """

    def __init__(
        self,
        dsn: str,
        record: Record,
        files: CredentialFiles = NO_FILES,
        *,
        pool_size: int = 16,
        patience: float = 10.0,
        observer: StorageObserver | None = None,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(record, clock)
        self._dsn = dsn
        self._files = files
        self._connector = Connector(Credentials(dsn, files))
        self._refused_since: float | None = None
        self._pool_size = pool_size
        self._patience = patience
        self._observer = observer or NullObserver()
        self._pool: Pool | None = None
        self._new_users = NewUsers(record, clock, self._policies)

    async def open(self, *, migrate: bool = True) -> None:
        check_tls_files(self._dsn)
        try:
            with translated_at_start():
                await (self._migrate() if migrate else self._check_schema())
        except CredentialsRefused as error:
            if self._files and not self._refused_for_long():
                raise StorageUnavailable(str(error)) from error
            raise
        self._pool = Pool(self._connector.connect, self._pool_size, self._observer)

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

    async def insert_user(
        self, tenant: str, document: Document, active: bool, cause: Cause = BY_MAPPING
    ) -> UserRecord:
        with suppress(*AGAIN):
            inserted = await self._insert_alone(tenant, document, cause) if active else None
            if inserted is not None:
                record, effects = inserted
                self._committed(tenant, effects)
                return record
        return await super().insert_user(tenant, document, active, cause)

    async def _insert_alone(self, tenant: str, document: Document, cause: Cause) -> tuple[UserRecord, Effects] | None:
        async with self._connection(tenant) as connection:
            return await self._new_users.insert(connection, tenant, document, cause)

    async def _read(self, tenant: str, work: Callable[[Session], Awaitable[T]], *, snapshot: bool) -> T:
        async with self._connection(tenant) as connection:
            if not snapshot:
                return await work(PostgresSession(connection, tenant))
            begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            await connection.execute(f"{begin}; {connection.settings_of_transaction}")
            result = await work(PostgresSession(connection, tenant))
            await connection.execute("COMMIT")
            return result

    async def _commit(
        self, tenant: str, step: Callable[[Transaction], Awaitable[T]], cause: Cause, *, exclusive: bool
    ) -> T:
        last: Exception | None = None
        for attempt in range(_ATTEMPTS):
            try:
                async with self._connection(tenant) as connection:
                    result, effects = await self._transaction(connection, tenant, step, cause, exclusive=exclusive)
            except NeedsExclusive:
                exclusive = True
            except (*AGAIN, TryAgain) as error:
                last = error
                exclusive = exclusive or attempt + 1 >= _SHARING_ATTEMPTS
                self._observer.retried()
                await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE * (attempt + 1) / _ATTEMPTS))  # noqa: S311
            else:
                self._committed(tenant, effects)
                return result
        raise StorageUnavailable(f"other transactions got in the way {_ATTEMPTS} times") from last

    async def _transaction(
        self,
        connection: OpenConnection,
        tenant: str,
        step: Callable[[Transaction], Awaitable[T]],
        cause: Cause,
        *,
        exclusive: bool,
    ) -> tuple[T, Effects]:
        """Two round trips beside those of the step. The pool rolls it back where it fails."""
        kind = "" if exclusive else "_shared"
        lock = f"SELECT pg_advisory_xact_lock{kind}({tenant_lock(tenant)})"
        await connection.execute(f"BEGIN; {connection.settings_of_transaction}{lock}")
        tx = Transaction(PostgresSession(connection, tenant), self._clock, self._policies, cause, exclusive=exclusive)
        result = await self._run(tx, step)
        ended = await connection.execute("COMMIT")
        if ended != "COMMIT":  # what PostgreSQL answers when an earlier statement had failed
            raise RuntimeError(f"the transaction ended with {ended}")
        return result, tx.effects

    async def _migrate(self) -> None:
        """On connections of its own, whose statements may take as long as they need."""
        async with AsyncExitStack() as closing:
            connections = []
            for _ in range(2):
                opened = await self._connector.connect(_CONNECT_TIMEOUT, migrating=True)
                closing.push_async_callback(opened.close, timeout=_CONNECT_TIMEOUT)
                connections.append(opened)
            await migrate_database(*connections)

    async def _check_schema(self) -> None:
        connection = await self._connector.connect(_CONNECT_TIMEOUT)
        try:
            await check_schema(connection)
        finally:
            await connection.close(timeout=_CONNECT_TIMEOUT)

    def _refused_for_long(self) -> bool:
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        return now > self._refused_since + _REPLACED_WITHIN_SECONDS

    def _connection(
        self, tenant: str = "", *, patience: float | None = None
    ) -> AbstractAsyncContextManager[OpenConnection]:
        if self._pool is None:
            raise StorageUnavailable("the storage is not open")
        return self._pool.connection(patience or self._patience, tenant)
