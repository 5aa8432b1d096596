"""What is used of a connection to PostgreSQL."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol


class Connection(Protocol):
    """What is used of an asyncpg connection. A row is read by its columns' names."""

    async def execute(self, query: str, *parameters: object) -> str: ...
    async def executemany(self, query: str, rows: Iterable[Sequence[object]]) -> None: ...
    async def fetch(self, query: str, *parameters: object, timeout: float | None = None) -> Sequence[Any]: ...  # noqa: ASYNC109 - asyncpg's, which ends the statement
    async def fetchrow(self, query: str, *parameters: object, timeout: float | None = None) -> Any: ...  # noqa: ASYNC109
    async def fetchval(self, query: str, *parameters: object) -> Any: ...


@lru_cache(maxsize=4096)
def tenant_lock(tenant: str) -> int:
    """The key of a tenant's advisory lock: 64 bits of its digest, so that tenants hardly ever share one."""
    return int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=8).digest(), signed=True)
