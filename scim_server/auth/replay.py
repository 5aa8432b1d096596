"""Which assertions have been used already."""

from datetime import datetime
from typing import Protocol


class ReplayGuard(Protocol):
    """What `storage.protocol.Storage` offers for it: shared by all replicas, and it outlives them."""

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        """True once for each `assertion` of a tenant, until `expires` at least."""
        ...
