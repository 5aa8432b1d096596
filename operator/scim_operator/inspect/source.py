"""The questions that the commands ask."""

from collections.abc import Sequence
from typing import Protocol


class Source(Protocol):
    """Answers from a database (`in_database`) or from a management port (`at_server`): the same either way.

    Each question about a tenant takes its key, `namespace/name`. Every method raises `InspectionError`.
    """

    async def tenants(self) -> Sequence[str]:
        """The keys of all tenants, in order."""
        ...
