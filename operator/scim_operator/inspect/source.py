"""The questions that the commands ask."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from scim_server.config import ServerConfig
from scim_server.storage.log_query import LogQuery

Answer: TypeAlias = Mapping[str, Any]
"""A JSON object, as the management port answers it."""


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

    def log(self, tenant: str, query: LogQuery, last: int = 0) -> AsyncIterator[Answer]:
        """Lines of the sync log, the oldest first; only the last so many, where `last` isn't 0."""
        ...

    async def explanation(self, tenant: str, user: str, at: datetime | None) -> Answer:
        """Of the user with this id, userName or externalId: as it is, or as it was. Raises `NothingFound` too."""
        ...

    async def preview(self, config: ServerConfig) -> Answer:
        """What would change of users' roles if the configuration were in effect."""
        ...
