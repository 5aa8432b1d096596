"""The SQLite database that is copied. Nobody else may have it open."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from scim_server.storage.copying.tables import SQLITE_ALONE
from scim_server.storage.errors import StorageUnavailable, StorageUnusable
from scim_server.storage.migrations import Applied, load, pending
from scim_server.storage.sqlite.failures import translated

_AT_ONCE = 1000
_BUSY_SECONDS = 2.0


class Source:
    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def tables(self) -> Sequence[str]:
        found = self._all(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite#_%' ESCAPE '#'"
        )
        return sorted({name for (name,) in found} - SQLITE_ALONE)

    def columns(self, table: str) -> Sequence[str]:
        return [name for (name,) in self._all(f"SELECT name FROM pragma_table_info('{table}')")]

    def count(self, table: str) -> int:
        count: int = self._all(f"SELECT count(*) FROM {table}")[0][0]
        return count

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        with translated(self._path):
            cursor = self._connection.execute(f"SELECT {', '.join(columns)} FROM {table}")
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from rows

    def _all(self, statement: str) -> Sequence[Sequence[Any]]:
        with translated(self._path):
            return self._connection.execute(statement).fetchall()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Raises `StorageUnusable` for a file that is none, that is of another schema, or that a server has open."""
    if not path.is_file():
        raise StorageUnusable(
            f"SQLite database {path}: {'a file is expected' if path.exists() else 'does not exist'}"
        )
    with translated(path):
        uri = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    with closing(connection):
        _take_alone(connection, path)
        with translated(path):
            _check_schema(connection, path)
        yield Source(connection, path)


def _take_alone(connection: sqlite3.Connection, path: Path) -> None:
    """What a server writes meanwhile would be lost."""
    try:
        with translated(path):
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN IMMEDIATE")
    except StorageUnavailable as error:
        if not isinstance(error.__cause__, sqlite3.OperationalError) or error.__cause__.sqlite_errorcode not in _BUSY:
            raise
        raise StorageUnusable(f"SQLite database {path}: it is in use: stop the server first") from None


_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    known = load("sqlite")
    ledger = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone()
    if ledger is None:
        raise StorageUnusable(f"SQLite database {path}: it is none of scim-server")
    row = connection.execute(
        "SELECT version, usable_from, server FROM schema_migrations ORDER BY version DESC LIMIT 1"
    ).fetchone()
    missing = pending(known, None if row is None else Applied(*row))
    if missing or row[0] != known[-1].version:
        raise StorageUnusable(
            f"SQLite database {path}: it is of another version of scim-server: start this version on it once, or copy"
            " with the version that made it"
        )
