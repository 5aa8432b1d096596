"""Storages as the server opens them, and short ways to change them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from scim_server import changes, storage
from scim_server.clock import Clock, utc_now
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import Document, UserRecord


def open_storage(url: str, clock: Clock = utc_now) -> Storage:
    """What `storage.open_storage` gives to the server."""
    return storage.open_storage(url, changes.record, clock=clock)


async def insert_user(storage: Storage, tenant: str, document: Document, active: bool = True) -> UserRecord:
    return await storage.write(tenant, lambda writer: writer.insert_user(document, active))


@asynccontextmanager
async def writing(
    storage: Storage,
    tenant: str,
    first: Callable[[Writer], Awaitable[object]] | None = None,
    *,
    exclusive: bool = False,
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A transaction of the tenant that is under way, until what this gives is awaited or the block ends.

    `first`: what it does before.
    """
    began, enough = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        enough.wait(60)

    async def work(writer: Writer) -> None:
        if first is not None:
            await first(writer)
        await writer.compute(wait)

    writer = asyncio.create_task(storage.write(tenant, work, exclusive=exclusive))
    await asyncio.to_thread(began.wait, 60)

    async def end() -> None:
        enough.set()
        await writer

    try:
        yield end
    finally:
        await end()


class SetClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now
