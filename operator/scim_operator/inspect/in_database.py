"""Answers that the database itself gives, whether a server runs on it or not."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from scim_operator.inspect.errors import InspectionError
from scim_server import changes
from scim_server.storage import open_storage
from scim_server.storage.errors import StorageError
from scim_server.storage.protocol import Reader, Storage

T = TypeVar("T")


class DatabaseSource:
    """`source.Source` on a storage that is open."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def tenants(self) -> Sequence[str]:
        with _translated():
            return await self._storage.tenants()

    async def _read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        with _translated():
            return await self._storage.read(tenant, work, snapshot=snapshot)


@asynccontextmanager
async def database_source(url: str) -> AsyncIterator[DatabaseSource]:
    """Nothing is migrated, and no background work is done: a server may run beside it.

    Raises `InspectionError`, and `InvalidDatabaseUrl`.
    """
    storage = open_storage(url, changes.record)
    with _translated():
        await storage.open(migrate=False)
    try:
        yield DatabaseSource(storage)
    finally:
        await storage.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise InspectionError(str(error)) from None
