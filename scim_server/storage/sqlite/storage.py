"""The connections, transactions and what concerns all tenants."""

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from scim_server.limits.turns import Turns
from scim_server.storage.documents import to_json
from scim_server.storage.errors import StorageUnavailable, StorageUnusable
from scim_server.storage.protocol import NullObserver, Reader, StorageObserver, Writer
from scim_server.storage.records import CredentialUses, Document, PoolUsage, UserRecord
from scim_server.storage.shares import tenant_share
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.insertions import Insertions
from scim_server.storage.sqlite.migrate import migrate
from scim_server.storage.sqlite.private_files import keep_private
from scim_server.storage.sqlite.reader import SqliteReader, SqliteWriter
from scim_server.storage.sqlite.times import from_microseconds, microseconds
from scim_server.storage.sqlite.transactions import transaction

T = TypeVar("T")

_BUMP = """
    UPDATE tenants SET revision = ?2
    WHERE revision < ?2 AND departed IS NULL AND (tenant, fingerprint) IN (SELECT key, value FROM json_each(?1))
      AND NOT EXISTS (SELECT 1 FROM json_each(?3) WHERE key = tenant AND value IS NOT uid)
"""

_OTHERS = """
    SELECT key FROM json_each(?1)
    WHERE key NOT IN (SELECT tenant FROM tenants WHERE revision >= ?2)
    ORDER BY key
"""

_NOTE_USE = """
    INSERT INTO credential_uses (tenant, credential, used) VALUES (?, ?, ?)
    ON CONFLICT (tenant, credential) DO UPDATE SET used = excluded.used WHERE used < excluded.used
"""


class SqliteStorage:
    """`protocol.Storage` in one file.

    One connection writes, and each write has it alone from `BEGIN IMMEDIATE` to `COMMIT` (but `insert_user` shares
    it with others of its kind): SQLite has one writer at a time anyhow, and waiting here is cheaper and fairer than
    its busy time-out. Readers never wait for the writer (WAL). `readers` bounds how many read at once, of whom a
    tenant has its share. Those who wait, to read or to write, take turns by tenant. `patience`: how many seconds a
    task waits for its turn before it is told `StorageUnavailable`.
    """

    def __init__(
        self, path: Path, *, readers: int = 16, patience: float = 10.0, observer: StorageObserver | None = None
    ) -> None:
        self._path = path
        self._patience = patience
        self._writer = Connection(path, "writer")
        self._readers = [Connection(path, f"reader-{number}", reads=True) for number in range(readers)]
        self._observer = observer or NullObserver()
        self._writing = Turns(1)
        self._reading = Turns(readers, share=tenant_share(readers))
        self._insertions = Insertions(self._writer, path, partial(self._write_turn, measured=False), self._observer)
        self._idle: list[Connection] = []
        """The one used last is the last one."""
        self._is_open = False
        """Whether `open` has ended: probes come before."""
        self._waiting = 0

    async def open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnusable(f"SQLite database {self._path}: {error.strerror}: {error.filename}") from error
        if self._path.is_dir():
            raise StorageUnusable(f"SQLite database {self._path}: a file is expected, not a folder")
        try:
            keep_private(self._path)
            await self._writer.open()
            await self._writer.run(migrate)
            for reader in self._readers:
                await reader.open()
        except BaseException:
            await self._close_all()
            raise
        self._idle = [*self._readers]
        self._is_open = True

    async def close(self) -> None:
        async with self._writing.turn(""):
            await self._close_all()

    async def ping(self) -> None:
        async with self._reader() as connection:
            await connection.run(_fetch_value, "SELECT 1 FROM schema_migrations", ())

    def usage(self) -> PoolUsage:
        connections = [self._writer, *self._readers]
        in_use = len(self._readers) - len(self._idle) + self._writing.under_way if self._writer.is_open else 0
        return PoolUsage(
            len(connections),
            sum(each.is_open for each in connections),
            in_use,
            self._waiting + self._insertions.waiting,
        )

    async def read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        async with self._reader(tenant) as connection:
            if not snapshot:
                return await work(SqliteReader(connection, tenant))
            async with transaction(connection, "BEGIN"):
                return await work(SqliteReader(connection, tenant))

    async def write(self, tenant: str, work: Callable[[Writer], Awaitable[T]], *, exclusive: bool = False) -> T:
        async with self._write_turn(tenant), transaction(self._writer, "BEGIN IMMEDIATE"):
            return await work(SqliteWriter(self._writer, tenant, datetime.now(UTC)))

    async def insert_user(self, tenant: str, document: Document, active: bool) -> UserRecord:
        return await self._insertions.add(tenant, document, active)

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        async with self._write_turn(tenant), transaction(self._writer, "BEGIN IMMEDIATE"):
            return await self._writer.run(_use_assertion, tenant, assertion, expires, datetime.now(UTC))

    async def note_uses(self, uses: CredentialUses) -> None:
        async with self._write_turn(), transaction(self._writer, "BEGIN IMMEDIATE"):
            await self._writer.run(_note_uses, uses)

    async def uses(self) -> CredentialUses:
        async with self._reader() as connection:
            return await connection.run(_uses)

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

    async def tenants_to_erase(self) -> Sequence[str]:
        now = microseconds(datetime.now(UTC))
        async with self._reader() as connection:
            return await connection.run(_fetch_names, "SELECT tenant FROM tenants WHERE erase_at <= ?", (now,))

    async def bump_revisions(
        self, fingerprints: Mapping[str, str], revision: int, uids: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        parameters = (to_json(dict(fingerprints)), revision)
        async with self._write_turn(), transaction(self._writer, "BEGIN IMMEDIATE"):
            await self._writer.run(_execute, _BUMP, (*parameters, to_json(dict(uids or {}))))
            return await self._writer.run(_fetch_names, _OTHERS, parameters)

    @asynccontextmanager
    async def _reader(self, tenant: str = "") -> AsyncIterator[Connection]:
        if not self._is_open:
            raise StorageUnavailable("the storage is not open")
        await self._begin(self._reading, tenant)
        connection = self._idle.pop()
        try:
            yield connection
        finally:
            self._idle.append(connection)
            self._reading.end(tenant)

    @asynccontextmanager
    async def _write_turn(self, tenant: str = "", *, measured: bool = True) -> AsyncIterator[None]:
        await self._begin(self._writing, tenant, measured=measured)
        try:
            yield
        finally:
            self._writing.end(tenant)

    async def _begin(self, turns: Turns, tenant: str, *, measured: bool = True) -> None:
        asked = time.perf_counter()
        self._waiting += measured
        try:
            await turns.begin(tenant, patience=self._patience)
        except TimeoutError:
            raise StorageUnavailable(f"SQLite: no connection was free for {self._patience:g} s") from None
        finally:
            self._waiting -= measured
            if measured:
                self._observer.waited(time.perf_counter() - asked)

    async def _close_all(self) -> None:
        for connection in (*self._readers, self._writer):
            await connection.close()


def _execute(connection: sqlite3.Connection, statement: str, parameters: Sequence[str | int]) -> None:
    connection.execute(statement, parameters)


def _use_assertion(
    connection: sqlite3.Connection, tenant: str, assertion: bytes, expires: datetime, now: datetime
) -> bool:
    connection.execute("DELETE FROM used_assertions WHERE tenant = ? AND expires < ?", (tenant, microseconds(now)))
    insert = "INSERT INTO used_assertions (tenant, assertion, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    return connection.execute(insert, (tenant, assertion, microseconds(expires))).rowcount == 1


def _note_uses(connection: sqlite3.Connection, uses: CredentialUses) -> None:
    rows = [(*key, microseconds(used)) for key, used in uses.items()]
    connection.executemany(_NOTE_USE, rows)


def _uses(connection: sqlite3.Connection) -> CredentialUses:
    rows = connection.execute("SELECT tenant, credential, used FROM credential_uses")
    return {(tenant, credential): from_microseconds(used) for tenant, credential, used in rows}


def _fetch_value(connection: sqlite3.Connection, statement: str, parameters: Sequence[str | int]) -> int:
    value: int = connection.execute(statement, parameters).fetchone()[0]
    return value


def _fetch_names(connection: sqlite3.Connection, statement: str, parameters: Sequence[str | int]) -> list[str]:
    return [name for (name,) in connection.execute(statement, parameters)]
