"""Turns at work of which only so much may be under way at once."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most `most` of work under way, which is measured by its size.

    Those who wait get their turns key by key in a circle, and of one key in the order in which they came, large ones
    too: smaller ones don't overtake.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = most
        self._waiting: OrderedDict[str, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, key: str, size: int) -> AsyncIterator[None]:
        """The block is the work. Its size counts as `most` where it is larger: it is then the only one under way."""
        size = min(size, self._most)
        await self._begin(key, size)
        try:
            yield
        finally:
            self._end(size)

    async def _begin(self, key: str, size: int) -> None:
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        begins = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append((size, begins))
        try:
            await begins
        except asyncio.CancelledError:
            if begins.cancelled():
                self._call_next()  # it may have been the one that was too large for what is free
            else:
                self._end(size)
            raise

    def _end(self, size: int) -> None:
        self._free += size
        self._call_next()

    def _call_next(self) -> None:
        while self._waiting:
            key, queue = next(iter(self._waiting.items()))
            size, begins = queue[0]
            if not begins.cancelled():
                if size > self._free:
                    return
                self._free -= size
                begins.set_result(None)
            queue.popleft()
            if queue:
                self._waiting.move_to_end(key)
            else:
                del self._waiting[key]
