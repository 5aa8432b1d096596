"""The questions that the commands ask."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from scim_server.config import ServerConfig
from scim_server.storage.delivery_query import DeliveryQuery, Replay
from scim_server.storage.event_query import EventQuery
from scim_server.storage.log_query import LogQuery

Answer: TypeAlias = Mapping[str, Any]
"""A JSON object, as the management port answers it."""


@dataclass(frozen=True, slots=True)
class EventsFound:
    events: Sequence[Answer]
    next: str
    """The token by which what follows is asked for."""


class Source(Protocol):
    """Answers from a database (`in_database`) or from a management port (`at_server`): the same either way.

    Each question about a tenant takes its key, `namespace/name`. Every method raises `InspectionError`.
    """

    async def tenants(self) -> Sequence[str]:
        """The keys of all tenants, in order."""
        ...

    async def holds(self, tenant: str) -> Answer:
        """`holds`: what guards hold, the oldest first."""
        ...

    def events(
        self, tenant: str, query: EventQuery, after: str | None = None, last: int = 0, *, follow: bool = False
    ) -> AsyncIterator[EventsFound]:
        """Events, the oldest first, a page at a time, the last of which may be empty. `last`: only the last so many,
        where it isn't 0 and there is no token `after`. `follow`: without an end."""
        ...

    def log(self, tenant: str, query: LogQuery, last: int = 0) -> AsyncIterator[Answer]:
        """Lines of the sync log, the oldest first; only the last so many, where `last` isn't 0."""
        ...

    async def explanation(self, tenant: str, user: str, at: datetime | None) -> Answer:
        """Of the user with this id, userName or externalId: as it is, or as it was. Raises `NothingFound` too."""
        ...

    async def preview(self, config: ServerConfig) -> Answer:
        """What would change of users' roles if the configuration were in effect."""
        ...

    async def captured(self, tenant: str) -> Sequence[Answer]:
        """What the debug capture has, the oldest first."""

    async def deliveries(self, tenant: str, query: DeliveryQuery, limit: int) -> Sequence[Answer]:
        """Of events to webhooks, the newest first."""
        ...

    async def replay(self, tenant: str, asked: Replay) -> int:
        """Deliver events once more. How many deliveries that makes."""
        ...
