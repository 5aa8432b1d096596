"""What every part of the readers and writers works with: one tenant on one connection."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol


class Connection(Protocol):
    """What is used of an asyncpg connection. A row is read by its columns' names."""

    async def execute(self, query: str, *parameters: object) -> str: ...
    async def fetch(self, query: str, *parameters: object, timeout: float | None = None) -> Sequence[Any]: ...  # noqa: ASYNC109 - asyncpg's, which ends the statement
    async def fetchrow(self, query: str, *parameters: object, timeout: float | None = None) -> Any: ...  # noqa: ASYNC109
    async def fetchval(self, query: str, *parameters: object) -> Any: ...


class TryAgain(Exception):
    """Another transaction changed, in between, what this one had looked at: `Storage.write` starts it again."""


class ReadSession:
    """Reads of one tenant."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self.tenant = tenant
        self._connection = connection


class WriteSession(ReadSession):
    """A transaction that holds the tenant's lock."""

    def __init__(self, connection: Connection, tenant: str, now: datetime, *, exclusive: bool) -> None:
        super().__init__(connection, tenant)
        self.now = now
        self.exclusive = exclusive
        self._locked_groups: dict[str, bool] = {}
        """Groups whose rows this transaction holds, and whether grants reach their members through them."""


@lru_cache(maxsize=4096)
def tenant_lock(tenant: str) -> int:
    """The key of a tenant's advisory lock: 64 bits of its digest, so that tenants hardly ever share one."""
    return int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=8).digest(), signed=True)
