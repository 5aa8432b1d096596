"""The connections, transactions and what concerns all tenants."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from scim_server.storage.protocol import Reader, StorageUnavailable, Writer
from scim_server.storage.records import to_json
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.migrate import migrate
from scim_server.storage.sqlite.reader import SqliteReader, SqliteWriter

T = TypeVar("T")

_BUMP = """
    UPDATE tenants SET revision = ?2
    WHERE revision < ?2 AND (tenant, fingerprint) IN (SELECT key, value FROM json_each(?1))
"""

_OTHERS = """
    SELECT key FROM json_each(?1)
    WHERE key NOT IN (SELECT tenant FROM tenants WHERE revision >= ?2)
    ORDER BY key
"""


class SqliteStorage:
    """`protocol.Storage` in one file.

    One connection writes, and each write has it alone from `BEGIN IMMEDIATE` to `COMMIT`: SQLite has one writer at
    a time anyhow, and waiting here is cheaper and fairer than its busy time-out. Readers never wait for the writer
    (WAL). `readers` bounds how many read at once.
    """

    def __init__(self, path: Path, *, readers: int = 4) -> None:
        self._path = path
        self._writer = Connection(path, "writer")
        self._readers = [Connection(path, f"reader-{number}") for number in range(readers)]
        self._writing = asyncio.Lock()
        self._idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()

    async def open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"SQLite database {self._path}: {error.strerror}") from error
        await self._writer.open()
        await self._writer.run(migrate)
        for reader in self._readers:
            await reader.open()
            self._idle.put_nowait(reader)

    async def close(self) -> None:
        async with self._writing:
            for connection in (*self._readers, self._writer):
                await connection.close()

    async def ping(self) -> None:
        async with self._reader() as connection:
            await connection.run(_fetch_value, "SELECT 1 FROM schema_migrations", ())

    async def read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        async with self._reader() as connection:
            if not snapshot:
                return await work(SqliteReader(connection, tenant))
            async with _transaction(connection, "BEGIN"):
                return await work(SqliteReader(connection, tenant))

    async def write(self, tenant: str, work: Callable[[Writer], Awaitable[T]], *, exclusive: bool = False) -> T:
        async with self._writing, _transaction(self._writer, "BEGIN IMMEDIATE"):
            return await work(SqliteWriter(self._writer, tenant, datetime.now(UTC)))

    async def highest_revision(self) -> int:
        async with self._reader() as connection:
            return await connection.run(_fetch_value, "SELECT coalesce(max(revision), 0) FROM tenants", ())

    async def unsettled_tenants(self) -> Sequence[str]:
        async with self._reader() as connection:
            return await connection.run(
                _fetch_names,
                "SELECT tenant FROM tenants t WHERE EXISTS (SELECT 1 FROM unsettled u WHERE u.tenant = t.tenant)",
                (),
            )

    async def bump_revisions(self, fingerprints: Mapping[str, str], revision: int) -> Sequence[str]:
        parameters = (to_json(dict(fingerprints)), revision)
        async with self._writing, _transaction(self._writer, "BEGIN IMMEDIATE"):
            await self._writer.run(_execute, _BUMP, parameters)
            return await self._writer.run(_fetch_names, _OTHERS, parameters)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Connection]:
        connection = await self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put_nowait(connection)


@asynccontextmanager
async def _transaction(connection: Connection, begin: str) -> AsyncIterator[None]:
    """Ends before anybody else gets the connection, also when the task is cancelled in the middle of a statement."""
    try:
        await connection.run(_execute, begin, ())
        yield
        await connection.run(_execute, "COMMIT", ())
    except BaseException:
        await asyncio.shield(connection.run(_roll_back))
        raise


def _execute(connection: sqlite3.Connection, statement: str, parameters: Sequence[str | int]) -> None:
    connection.execute(statement, parameters)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _fetch_value(connection: sqlite3.Connection, statement: str, parameters: Sequence[str | int]) -> int:
    value: int = connection.execute(statement, parameters).fetchone()[0]
    return value


def _fetch_names(connection: sqlite3.Connection, statement: str, parameters: Sequence[str | int]) -> list[str]:
    return [name for (name,) in connection.execute(statement, parameters)]
