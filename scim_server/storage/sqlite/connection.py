"""A connection and the thread that it lives in.

The functions of this package are plain ones that take a `sqlite3.Connection`; a whole step of a transaction runs in
one of them, so it costs one hop to the thread and back, not one for each statement.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from scim_server.folding import fold
from scim_server.scim.values import stored_instant
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.sqlite.failures import translated
from scim_server.storage.sqlite.times import optional_microseconds

P = ParamSpec("P")
T = TypeVar("T")

_BUSY_TIMEOUT = 10.0  # seconds to wait for another process, such as a backup, that holds the write lock
_CACHED_STATEMENTS = 256
_CACHED_SEARCHES = 32
"""Of a connection that reads: clients make up the statements of filters, and the largest takes 400 KiB."""

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # with WAL, NORMAL may lose the last commits when the power fails
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",  # KiB
    "PRAGMA mmap_size = 268435456",
)


class Connection:
    """One `sqlite3.Connection` in a thread of its own.

    `reads`: it only reads, so that a statement can be interrupted when no request waits for it any more.
    """

    def __init__(self, path: Path, name: str, *, reads: bool = False) -> None:
        self._reads = reads
        self._path = path
        self._name = name
        self._executor: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    async def open(self) -> None:
        """Raises `StorageUnavailable` and `StorageUnusable`; may then be tried again."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{self._name}")
        cached = _CACHED_SEARCHES if self._reads else _CACHED_STATEMENTS
        try:
            with translated(self._path):
                self._connection = await self._in_thread(self._executor, _connect, self._path, cached)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """After what still runs on it."""
        connection, self._connection = self._connection, None
        executor, self._executor = self._executor, None
        if executor is not None:
            if connection is not None:
                await self._in_thread(executor, connection.close)
            executor.shutdown(wait=False)

    async def run(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Raises `StorageUnavailable` and `StorageUnusable`, as `failures.translated` tells."""
        if self._connection is None or self._executor is None:
            raise StorageUnavailable("the storage is not open")
        with translated(self._path):
            try:
                return await self._in_thread(self._executor, function, self._connection, *arguments, **named)
            except asyncio.CancelledError:
                if self._reads:
                    self._interrupt()
                raise

    async def run_within(
        self,
        seconds: float,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """`run` for what only reads. Raises `Interrupted` when it takes longer."""
        timer = asyncio.get_running_loop().call_later(seconds, self._interrupt)
        try:
            return await self.run(function, *arguments, **named)
        finally:
            timer.cancel()

    def _interrupt(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()

    async def _in_thread(
        self, executor: ThreadPoolExecutor, function: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, lambda: function(*arguments, **named))


def _connect(path: Path, cached: int) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=_BUSY_TIMEOUT,
        isolation_level=None,  # transactions begin and end where we say so
        check_same_thread=False,
        cached_statements=cached,
    )
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    connection.row_factory = sqlite3.Row
    connection.create_function("fold", 1, _fold, deterministic=True)
    connection.create_function("instant", 1, _instant, deterministic=True)
    return connection


def _fold(value: object) -> str | None:
    """`folding.fold`, for values of documents that aren't text too."""
    return fold(value) if isinstance(value, str) else None


def _instant(value: object) -> int | None:
    """A dateTime of a document in microseconds; None where it isn't one."""
    return optional_microseconds(stored_instant(value))
