"""The connections of this process to its database.

asyncpg's own pool makes a proxy and several timers for each use, also where nothing is reset between two uses. One
short statement takes 1.5 to 2 times the processor time with it: `python -m benchmarks pool` measures that.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg

from scim_server.limits.turns import Turns
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.postgres.connection import OpenConnection
from scim_server.storage.postgres.failures import translated
from scim_server.storage.protocol import StorageObserver
from scim_server.storage.records import PoolUsage
from scim_server.storage.shares import tenant_share

_GIVEN_UP = (asyncio.CancelledError, TimeoutError)
_CLEANING_TIMEOUT = 5.0
_CLOSE_TIMEOUT = 5.0


class Pool:
    """At most `size` connections, opened when they are needed; one tenant has its share of them.

    `connect` opens one within so many seconds. The one that was used last is used next; others that nobody needed
    for `idle_seconds` are closed at the next use, before a firewall on the way forgets them.
    """

    def __init__(
        self,
        connect: Callable[[float], Awaitable[OpenConnection]],
        size: int,
        observer: StorageObserver,
        idle_seconds: float = 300.0,
    ) -> None:
        self._connect = connect
        self._size = size
        self._observer = observer
        self._idle_seconds = idle_seconds
        self._turns = Turns(size, share=tenant_share(size))
        self._idle: deque[tuple[OpenConnection, float]] = deque()
        """Since when each is unused; the one used last is the last one."""
        self._opened: set[OpenConnection] = set()
        self._in_use = 0
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def connection(self, patience: float, tenant: str = "") -> AsyncIterator[OpenConnection]:
        """One for the block alone; it is rolled back where the block ends with an error in a transaction.

        Raises `StorageUnavailable` when none is free for `patience` seconds, and for errors of the block.
        """
        with translated():
            connection = await self._take(patience, tenant)
            try:
                yield connection
            except BaseException as error:
                # A statement may still run.
                given_up = any(isinstance(one, _GIVEN_UP) for one in (error, error.__cause__))
                if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    connection.terminate()  # it leads to a host that takes no writes any more
                elif not connection.is_closed() and (given_up or connection.is_in_transaction()):
                    await _clean(connection)
                raise
            finally:
                self._give_back(connection, tenant)

    def usage(self) -> PoolUsage:
        opened = sum(not connection.is_closed() for connection in self._opened)
        return PoolUsage(self._size, opened, self._in_use, self._waiting)

    async def close(self) -> None:
        """After what still runs, but not for ever. Nobody may ask for a connection any more."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                for number in range(self._size):
                    await self._turns.begin(f"closing {number}")  # no key has a right to all of them
                await asyncio.gather(*(connection.close() for connection, _ in self._idle))
        except TimeoutError:
            for connection in tuple(self._opened):
                connection.terminate()

    async def _take(self, patience: float, tenant: str) -> OpenConnection:
        asked = time.perf_counter()
        self._waiting += 1
        try:
            if not self._turns.begin_now(tenant):
                await self._wait_for_turn(patience, tenant)
            try:
                connection = self._take_idle(asked) or await self._open_another(patience)
            except BaseException:
                self._turns.end(tenant)
                raise
        finally:
            self._waiting -= 1
            self._observer.waited(time.perf_counter() - asked)
        self._in_use += 1
        return connection

    async def _wait_for_turn(self, patience: float, tenant: str) -> None:
        try:
            await self._turns.begin(tenant, patience=patience)
        except TimeoutError:
            raise StorageUnavailable(f"PostgreSQL: no connection was free for {patience:g} s") from None

    def _take_idle(self, now: float) -> OpenConnection | None:
        while self._idle and self._idle[0][1] < now - self._idle_seconds:
            self._forget(self._idle.popleft()[0])
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._forget(connection)
        return None

    async def _open_another(self, patience: float) -> OpenConnection:
        connection = await self._connect(patience)
        self._opened.add(connection)
        return connection

    def _give_back(self, connection: OpenConnection, tenant: str) -> None:
        self._in_use -= 1
        if connection.is_closed():
            self._forget(connection)
        else:
            self._idle.append((connection, time.perf_counter()))
        self._turns.end(tenant)

    def _forget(self, connection: OpenConnection) -> None:
        self._opened.discard(connection)
        connection.terminate()


async def _clean(connection: OpenConnection) -> None:
    """Where that doesn't work the connection is closed: it must not get to others with its locks."""
    cleaned = False
    try:
        with contextlib.suppress(Exception):  # what led here is raised instead
            async with asyncio.timeout(_CLEANING_TIMEOUT):
                await connection.execute("ROLLBACK")  # after the cancellation of a statement that still runs
            cleaned = True
    finally:
        if not cleaned:
            connection.terminate()
