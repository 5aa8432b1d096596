"""What a client hasn't taken yet of an answer that is written at the database's pace.

So that a slow client holds a few megabytes of memory and no database connection. What waits is compressed: a group's
members, which are nearly all of it, to a fifth.
"""

import asyncio
import zlib
from collections import deque

from scim_server.limits.shared_room import SharedRoom

_AS_IT_IS = 16
"""Blocks of 64 KiB that wait uncompressed: usual answers and clients that keep pace cost no compressing."""
_LEVEL = 1
"""The quickest: a higher one saves a tenth of the memory and takes three times as long."""


class BacklogFull(Exception):
    """The clients of this server, or those of the tenant, have left too much unread, all together."""


class Backlog:
    """Blocks of one answer to a tenant's client: in, out and in between. One task puts, another takes."""

    def __init__(self, room: SharedRoom, tenant: str) -> None:
        self._room = room
        self._tenant = tenant
        self._blocks: deque[tuple[bytes, bool]] = deque()
        """Each with whether it is compressed."""
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, block: bytes) -> None:
        """Raises BacklogFull."""
        compressed = len(self._blocks) >= _AS_IT_IS
        kept = zlib.compress(block, _LEVEL) if compressed else block
        if not self._room.take(self._tenant, len(kept)):
            raise BacklogFull
        self._blocks.append((kept, compressed))
        self._changed.set()

    def end(self) -> None:
        """Nothing more will be put."""
        self._ended = True
        self._changed.set()

    async def take(self) -> bytes | None:
        """The next block, waiting for it; None after the last one."""
        while not self._blocks:
            if self._ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        kept, compressed = self._blocks.popleft()
        self._room.give_back(self._tenant, len(kept))
        return zlib.decompress(kept) if compressed else kept

    def drop(self) -> None:
        """Forget what wasn't taken."""
        self._room.give_back(self._tenant, sum(len(kept) for kept, _ in self._blocks))
        self._blocks.clear()
