"""A connection to PostgreSQL, and what is used of it."""

import contextlib
import hashlib
import socket
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import asyncpg

_DEAD_AFTER_SECONDS = 5


class Connection(Protocol):
    """What is used of an asyncpg connection. A row is read by its columns' names."""

    async def execute(self, query: str, *parameters: object) -> str: ...
    async def executemany(self, query: str, rows: Iterable[Sequence[object]]) -> None: ...
    async def fetch(self, query: str, *parameters: object, timeout: float | None = None) -> Sequence[Any]: ...  # noqa: ASYNC109 - asyncpg's, which ends the statement
    async def fetchrow(self, query: str, *parameters: object, timeout: float | None = None) -> Any: ...  # noqa: ASYNC109
    async def fetchval(self, query: str, *parameters: object) -> Any: ...


class OpenConnection(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """asyncpg's, which notices within seconds that the other machine is gone."""

    settings_of_transaction = ""
    """Statements that each transaction begins with: what a pooler doesn't take for the session."""

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        _end_when_nobody_answers(transport.get_extra_info("socket"))

    async def is_direct(self) -> bool:
        """Whether PostgreSQL itself is at the other end. A pooler makes up the process id that it tells at the start.

        The id is in the text: a parameter would make this a prepared statement, which not every pooler bears.
        """
        answer: str = await self.execute(f"SELECT WHERE pg_backend_pid() = {self.get_server_pid()}")
        return answer == "SELECT 1"


def _end_when_nobody_answers(sock: socket.socket | None) -> None:
    """A machine that lost its power doesn't say goodbye. Without this its connections wait for minutes."""
    if sock is None or sock.family == socket.AF_UNIX:
        return
    with contextlib.suppress(OSError):  # already closed by the other end: the first statement says so
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _DEAD_AFTER_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _DEAD_AFTER_SECONDS)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_SECONDS * 1000)


@lru_cache(maxsize=4096)
def tenant_lock(tenant: str) -> int:
    """The key of a tenant's advisory lock: 64 bits of its digest, so that tenants hardly ever share one."""
    return int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=8).digest(), signed=True)
