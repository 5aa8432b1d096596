"""Adding users: those that are added at once share a transaction, and so the wait for the disk.

Each has a savepoint in it, so that one that can't be added is no matter to the others. Nobody is answered before the
commit, not even who is refused: the refusal may be because of another one of the same transaction.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scim_server.storage.protocol import StorageObserver
from scim_server.storage.records import Document, UserRecord
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.failures import translated
from scim_server.storage.sqlite.transactions import write_transaction
from scim_server.storage.sqlite.users import insert_user

_MOST = 100
"""In one transaction: others wait for the connection too."""


@dataclass(frozen=True, slots=True)
class _Insertion:
    tenant: str
    document: Document
    active: bool
    asked: float
    outcome: asyncio.Future[UserRecord]


class Insertions:
    """`turn` is entered to have `connection`, to the file `path`, alone.

    It raises `StorageUnavailable` when that takes too long.
    """

    def __init__(
        self,
        connection: Connection,
        path: Path,
        turn: Callable[[], AbstractAsyncContextManager[None]],
        observer: StorageObserver,
    ) -> None:
        self._connection = connection
        self._path = path
        self._turn = turn
        self._observer = observer
        self._waiting: list[_Insertion] = []
        self._worker: asyncio.Task[None] | None = None

    async def add(self, tenant: str, document: Document, active: bool) -> UserRecord:
        """As `Storage.insert_user`. Who is cancelled before the transaction begins adds nothing."""
        outcome: asyncio.Future[UserRecord] = asyncio.get_running_loop().create_future()
        insertion = _Insertion(tenant, document, active, time.perf_counter(), outcome)
        self._waiting.append(insertion)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await outcome

    @property
    def waiting(self) -> int:
        """How many wait for a transaction to begin."""
        return len(self._waiting)

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._add_those_that_wait()
        finally:
            self._worker = None

    async def _add_those_that_wait(self) -> None:
        taken: list[_Insertion] = []
        outcomes: Sequence[UserRecord | Exception]
        try:
            async with self._turn():
                taken = self._take()
                outcomes = await self._connection.run(_insert_all, self._path, taken)
        except Exception as error:
            taken = taken or self._take()
            outcomes = [error] * len(taken)
        for insertion, outcome in zip(taken, outcomes, strict=True):
            if insertion.outcome.done():  # cancelled
                continue
            if isinstance(outcome, UserRecord):
                insertion.outcome.set_result(outcome)
            else:
                insertion.outcome.set_exception(outcome)

    def _take(self) -> list[_Insertion]:
        taken, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        now = time.perf_counter()
        for insertion in taken:
            self._observer.waited(now - insertion.asked)
        return [insertion for insertion in taken if not insertion.outcome.done()]


def _insert_all(
    connection: sqlite3.Connection, path: Path, insertions: Sequence[_Insertion]
) -> list[UserRecord | Exception]:
    """What became of each. Raises what made the whole transaction fail."""
    outcomes: list[UserRecord | Exception] = []
    with write_transaction(connection):
        for one in insertions:
            connection.execute("SAVEPOINT one")
            try:
                with translated(path):
                    outcomes.append(insert_user(connection, one.tenant, datetime.now(UTC), one.document, one.active))
            except Exception as error:
                if not connection.in_transaction:  # SQLite gave up all of it: the disk is full, or fails
                    raise
                connection.execute("ROLLBACK TO one")
                outcomes.append(error)
            connection.execute("RELEASE one")
    return outcomes
