"""What a client hasn't taken yet of an answer that is written at the database's pace.

So that a slow client holds a few megabytes of memory and no database connection. What waits is compressed: a group's
members, which are nearly all of it, to a fifth.
"""

import asyncio
import zlib
from collections import deque

_AS_IT_IS = 16
"""Blocks of 64 KiB that wait uncompressed: usual answers and clients that keep pace cost no compressing."""
_LEVEL = 1
"""The quickest: a higher one saves a tenth of the memory and takes three times as long."""


class BacklogFull(Exception):
    """The clients of this server have left too much unread, all together."""


class Room:
    """For the backlogs of one server: at most `most` bytes in all of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    @property
    def taken(self) -> int:
        return self._taken

    def take(self, size: int) -> None:
        """Raises BacklogFull."""
        if self._taken + size > self._most:
            raise BacklogFull
        self._taken += size

    def give_back(self, size: int) -> None:
        self._taken -= size


class Backlog:
    """Blocks of one answer: in, out and in between. One task puts, another takes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._blocks: deque[tuple[bytes, bool]] = deque()
        """Each with whether it is compressed."""
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, block: bytes) -> None:
        """Raises BacklogFull."""
        compressed = len(self._blocks) >= _AS_IT_IS
        kept = zlib.compress(block, _LEVEL) if compressed else block
        self._room.take(len(kept))
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
        self._room.give_back(len(kept))
        return zlib.decompress(kept) if compressed else kept

    def drop(self) -> None:
        """Forget what wasn't taken."""
        self._room.give_back(sum(len(kept) for kept, _ in self._blocks))
        self._blocks.clear()
