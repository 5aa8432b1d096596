"""Answers that the database itself gives, whether a server runs on it or not."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TypeVar

import orjson

from scim_operator.inspect.errors import InspectionError, NothingFound
from scim_operator.inspect.source import Answer, EventsFound
from scim_server import changes
from scim_server.clock import utc_now
from scim_server.config import ServerConfig
from scim_server.directory.explanations import AmbiguousUser, UnknownUser, explain, explain_at
from scim_server.directory.feed import LONGEST_WAIT_SECONDS, MOST_EVENTS, Feed
from scim_server.directory.previews import preview
from scim_server.provisioning.explain import Explanation
from scim_server.scim.errors import ScimError
from scim_server.storage import open_storage
from scim_server.storage.delivery_query import DeliveryQuery, Replay
from scim_server.storage.errors import StorageError
from scim_server.storage.event_query import EventQuery
from scim_server.storage.log_query import LogQuery
from scim_server.storage.protocol import Reader, Storage
from scim_server.webhooks.replaying import NothingToReplay, replay

T = TypeVar("T")

_LINES_AT_ONCE = 1000


class DatabaseSource:
    """`source.Source` on a storage that is open."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def tenants(self) -> Sequence[str]:
        with _translated():
            return await self._storage.tenants()

    async def holds(self, tenant: str) -> Answer:
        found = await self._read(tenant, lambda reader: reader.holds())
        return {"holds": [each.to_json() for each in found]}

    async def events(
        self, tenant: str, query: EventQuery, after: str | None = None, last: int = 0, *, follow: bool = False
    ) -> AsyncIterator[EventsFound]:
        feed = Feed(self._storage)
        while True:
            wait = LONGEST_WAIT_SECONDS if follow else 0
            with _translated():
                page = await feed.find(tenant, query, after, MOST_EVENTS, wait, last)
            yield EventsFound([orjson.loads(event) for event in page.events], page.next)
            if not follow and len(page.events) < MOST_EVENTS:
                return
            after = page.next

    async def deliveries(self, tenant: str, query: DeliveryQuery, limit: int) -> Sequence[Answer]:
        found = await self._read(tenant, lambda reader: reader.deliveries(query, limit))
        return [each.to_json() for each in found]

    async def replay(self, tenant: str, asked: Replay) -> int:
        try:
            with _translated():
                return await replay(self._storage, tenant, asked)
        except NothingToReplay as nothing:
            raise InspectionError(str(nothing)) from None

    async def log(self, tenant: str, query: LogQuery, last: int = 0) -> AsyncIterator[Answer]:
        position = None
        if last:
            position = await self._read(tenant, lambda reader: reader.log_before_last(query, last))
        while True:
            after = position
            lines = await self._read(tenant, lambda reader: reader.log(query, after, _LINES_AT_ONCE))  # noqa: B023
            for line in lines:
                yield line.to_json()
            if len(lines) < _LINES_AT_ONCE:
                return
            position = lines[-1].position

    async def explanation(self, tenant: str, user: str, at: datetime | None) -> Answer:
        async def read(reader: Reader) -> Explanation:
            return await (explain(reader, user, utc_now()) if at is None else explain_at(reader, user, at))

        try:
            explanation = await self._read(tenant, read, snapshot=True)
        except UnknownUser as error:
            raise NothingFound(str(error)) from None
        except AmbiguousUser as error:
            raise InspectionError(str(error)) from None
        return explanation.model_dump(mode="json", by_alias=True)

    async def preview(self, config: ServerConfig) -> Answer:
        with _translated():
            return (await preview(self._storage, config, utc_now())).model_dump(mode="json", by_alias=True)

    async def captured(self, tenant: str) -> Sequence[Answer]:
        return [one.to_json() for one in await self._read(tenant, lambda reader: reader.captures())]

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
    except ScimError as error:
        raise InspectionError(error.detail) from None
