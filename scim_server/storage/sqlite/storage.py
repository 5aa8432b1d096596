"""The connections and the transactions."""

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from scim_server.clock import Clock, utc_now
from scim_server.limits.turns import Turns
from scim_server.provisioning.cause import Cause
from scim_server.storage.base import BaseStorage, Record
from scim_server.storage.effects import Effects
from scim_server.storage.errors import StorageUnavailable, StorageUnusable
from scim_server.storage.protocol import NullObserver, StorageObserver
from scim_server.storage.records import PoolUsage
from scim_server.storage.session import Session, Transaction
from scim_server.storage.shares import tenant_share
from scim_server.storage.sqlite.commits import Commits
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.migrate import check_schema
from scim_server.storage.sqlite.migrate import migrate as migrate_file
from scim_server.storage.sqlite.private_files import keep_private
from scim_server.storage.sqlite.session import ReadSession, WriteSession, run_step
from scim_server.storage.sqlite.transactions import read_transaction

T = TypeVar("T")


class SqliteStorage(BaseStorage):
    """`protocol.Storage` in one file.

    One connection writes: SQLite has one writer at a time anyhow, and waiting here is cheaper and fairer than its
    busy time-out (see `commits`). Readers never wait for the writer (WAL). `readers` bounds how many read at once, of
    whom a tenant has its share. Those who wait, to read or to write, take turns by tenant. `patience`: how many
    seconds a task waits for its turn before it is told `StorageUnavailable`.
    """

    def __init__(
        self,
        path: Path,
        record: Record,
        *,
        readers: int = 16,
        patience: float = 10.0,
        observer: StorageObserver | None = None,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(record, clock)
        self._path = path
        self._patience = patience
        self._writer = Connection(path, "writer")
        self._readers = [Connection(path, f"reader-{number}", reads=True) for number in range(readers)]
        self._observer = observer or NullObserver()
        self._reading = Turns(readers, share=tenant_share(readers))
        self._commits = Commits(self._writer, path, patience, self._observer)
        self._idle: list[Connection] = []
        """The one used last is the last one."""
        self._is_open = False
        """Whether `open` has ended: probes come before."""
        self._waiting = 0

    async def open(self, *, migrate: bool = True) -> None:
        if migrate:
            self._make()
        elif not self._path.is_file():
            raise StorageUnusable(f"SQLite database {self._path}: it does not exist")
        try:
            await self._writer.open()
            await self._writer.run(migrate_file if migrate else check_schema)
            for reader in self._readers:
                await reader.open()
        except BaseException:
            await self._close_all()
            raise
        self._idle = [*self._readers]
        self._is_open = True

    def _make(self) -> None:
        """Its file and folder, where they aren't there."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnusable(f"SQLite database {self._path}: {error.strerror}: {error.filename}") from error
        if self._path.is_dir():
            raise StorageUnusable(f"SQLite database {self._path}: a file is expected, not a folder")
        keep_private(self._path)

    async def close(self) -> None:
        await self._commits.close()
        await self._close_all()

    async def ping(self) -> None:
        async with self._reader() as connection:
            await connection.run(_is_there)

    async def overwrite_erased(self) -> bool:
        return await self._writer.run(_empty_log)

    def usage(self) -> PoolUsage:
        connections = [self._writer, *self._readers]
        in_use = len(self._readers) - len(self._idle) + self._commits.is_busy if self._writer.is_open else 0
        opened = sum(each.is_open for each in connections)
        return PoolUsage(len(connections), opened, in_use, self._waiting + self._commits.waiting)

    async def _read(self, tenant: str, work: Callable[[Session], Awaitable[T]], *, snapshot: bool) -> T:
        async with self._reader(tenant) as connection:
            if not snapshot:
                return await work(ReadSession(connection, tenant))
            async with read_transaction(connection):
                return await work(ReadSession(connection, tenant))

    async def _commit(
        self, tenant: str, step: Callable[[Transaction], Awaitable[T]], cause: Cause, *, exclusive: bool
    ) -> T:
        """Nothing else is ever written meanwhile, so that each transaction has its tenant alone."""

        def run(connection: sqlite3.Connection) -> tuple[T, Effects]:
            tx = Transaction(WriteSession(connection, tenant), self._clock, self._policies, cause, exclusive=True)
            return run_step(self._run(tx, step)), tx.effects

        result, effects = await self._commits.run(tenant, run)
        self._committed(tenant, effects)
        return result

    @asynccontextmanager
    async def _reader(self, tenant: str = "") -> AsyncIterator[Connection]:
        if not self._is_open:
            raise StorageUnavailable("the storage is not open")
        await self._begin(tenant)
        connection = self._idle.pop()
        try:
            yield connection
        finally:
            self._idle.append(connection)
            self._reading.end(tenant)

    async def _begin(self, tenant: str) -> None:
        asked = time.perf_counter()
        self._waiting += 1
        try:
            await self._reading.begin(tenant, patience=self._patience)
        except TimeoutError:
            raise StorageUnavailable(f"SQLite: no connection was free for {self._patience:g} s") from None
        finally:
            self._waiting -= 1
            self._observer.waited(time.perf_counter() - asked)

    async def _close_all(self) -> None:
        for connection in (*self._readers, self._writer):
            await connection.close()


def _is_there(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT 1 FROM schema_migrations").fetchone()


def _empty_log(connection: sqlite3.Connection) -> bool:
    """The file is overwritten with what is in the log (WAL), and the log emptied. Whether nobody was in the way."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 100")
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy
