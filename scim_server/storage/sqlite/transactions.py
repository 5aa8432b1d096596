"""Transactions that read, and that write."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from scim_server.storage.errors import StorageError
from scim_server.storage.sqlite.connection import Connection


@asynccontextmanager
async def read_transaction(connection: Connection) -> AsyncIterator[None]:
    """Of several statements, which see one state.

    Ends before another task gets the connection, also when the task is cancelled in the middle of a statement.
    """
    try:
        await connection.run(_begin, "BEGIN")
        yield
        await connection.run(_commit)
    except BaseException:
        with suppress(StorageError):  # what made us roll back is raised; the next to begin tries it again
            await asyncio.shield(connection.run(_roll_back))
        raise


@contextmanager
def write_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """The same for a function that runs in the connection's thread, to write."""
    _begin(connection, "BEGIN IMMEDIATE")
    try:
        yield
        _commit(connection)
    except BaseException:
        with suppress(sqlite3.Error):  # as above
            _roll_back(connection)
        raise


def _begin(connection: sqlite3.Connection, statement: str) -> None:
    _roll_back(connection)
    connection.execute(statement)


def _commit(connection: sqlite3.Connection) -> None:
    connection.execute("COMMIT")


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
