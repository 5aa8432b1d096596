"""Storages as the server opens them, and short ways to change them."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from scim_server import changes, storage
from scim_server.clock import Clock, utc_now
from scim_server.storage.protocol import Storage, Writer
from scim_server.storage.records import Document, UserRecord


def open_storage(url: str, clock: Clock = utc_now) -> Storage:
    """What `storage.open_storage` gives to the server."""
    right = clock.right if isinstance(clock, WrongClock) else clock
    if isinstance(right, SetClock) and url.startswith("postgresql"):
        folder = Path(parse_qs(urlsplit(url).query)["host"][0])
        url += f"&search_path=public,test_clock,pg_catalog&test_clock.file={right.file_in(folder)}"
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
    """A clock that moves when it is told to, and with it the one of the database of `open_storage`."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._files: list[Path] = []

    @property
    def now(self) -> datetime:
        return self._now

    @now.setter
    def now(self, now: datetime) -> None:
        self._now = now
        for file in self._files:
            file.write_text(now.isoformat())

    def __call__(self) -> datetime:
        return self._now

    def file_in(self, folder: Path) -> Path:
        """What says the time, for PostgreSQL's own `now()`: see `tests.support.postgres.TEST_CLOCK`."""
        file = folder / f"clock-{uuid.uuid4().hex}"
        self._files.append(file)
        self.now = self._now
        return file


class WrongClock:
    """The clock of a replica that is wrong, beside a database whose clock is right."""

    def __init__(self, right: SetClock, by: timedelta) -> None:
        self.right = right
        self.by = by

    def __call__(self) -> datetime:
        return self.right() + self.by
