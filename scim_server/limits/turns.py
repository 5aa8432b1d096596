"""Turns at work of which only so much may be under way at once."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Turns:
    """At most `most` of work under way, which is measured by its size, and `share` of it for one key.

    Those who wait get their turns key by key in a circle, and of one key in the order in which they came, large ones
    too: smaller ones don't overtake. A key that has its share keeps none of the others waiting.
    """

    def __init__(self, most: int, share: int | None = None) -> None:
        self._free = most
        self._share = most if share is None else share
        self._taken: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    @property
    def under_way(self) -> int:
        """The size of all of it."""
        return self._taken.total()

    @asynccontextmanager
    async def turn(self, key: str, size: int = 1) -> AsyncIterator[None]:
        """The block is the work."""
        await self.begin(key, size)
        try:
            yield
        finally:
            self.end(key, size)

    async def begin(self, key: str, size: int = 1) -> None:
        """Wait for a turn; then `end` has to follow. A size counts as `share` where it is larger."""
        if self.begin_now(key, size):
            return
        begins = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append((self._counted(size), begins))
        self._call_next()  # the others who wait may have their share
        try:
            await begins
        except asyncio.CancelledError:
            if not begins.cancelled():
                self.end(key, size)
            else:
                self._leave(key, begins)
            raise

    def begin_now(self, key: str, size: int = 1) -> bool:
        """`begin` where nobody has to be waited for; else False, and nothing was done."""
        size = self._counted(size)
        if self._waiting or size > self._free or not self._has_left(key, size):
            return False
        self._start(key, size)
        return True

    def end(self, key: str, size: int = 1) -> None:
        size = self._counted(size)
        self._free += size
        self._taken[key] -= size
        if not self._taken[key]:
            del self._taken[key]
        self._call_next()

    def _counted(self, size: int) -> int:
        return min(size, self._share)

    def _has_left(self, key: str, size: int) -> bool:
        return self._taken[key] + size <= self._share

    def _start(self, key: str, size: int) -> None:
        self._free -= size
        self._taken[key] += size

    def _leave(self, key: str, begins: asyncio.Future[None]) -> None:
        queue = self._waiting.get(key, deque())
        with suppress(StopIteration):
            queue.remove(next(one for one in queue if one[1] is begins))
        if not queue:
            self._waiting.pop(key, None)
        self._call_next()  # it may have been the one that was too large for what is free

    def _call_next(self) -> None:
        while (key := self._next_key()) is not None:
            queue = self._waiting[key]
            size, begins = queue[0]
            if not begins.cancelled():
                if size > self._free:
                    return
                self._start(key, size)
                begins.set_result(None)
            queue.popleft()
            if queue:
                self._waiting.move_to_end(key)
            else:
                del self._waiting[key]

    def _next_key(self) -> str | None:
        """The first in the circle that hasn't its share yet: only so many keys can have theirs."""
        return next((key for key, queue in self._waiting.items() if self._has_left(key, queue[0][0])), None)
