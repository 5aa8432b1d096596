"""Which of SQLite's errors mean "not available", and which that no further attempt can help."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scim_server.storage.errors import StorageUnavailable, StorageUnusable

_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_KIND = 0xFF  # the bits of an error's code that say of which kind it is


class Interrupted(StorageUnavailable):
    """A statement was ended because it took too long, or because no request waits for it any more."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raises `StorageUnavailable` where the file can't be read or written or stays locked, `StorageUnusable` where
    it is broken or no database."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a statement is wrong
            raise
        kind = Interrupted if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT else StorageUnavailable
        raise kind(f"SQLite database {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & _KIND not in _BROKEN:
            raise
        raise StorageUnusable(f"SQLite database {path}: {error}") from error
