"""Fair turns at work that is limited in size: one tenant's queue doesn't keep the others waiting.

A semaphore with a cap for each tenant would let every busy tenant have its whole cap in front of a newcomer. With a
cap of 12 and ten busy tenants a newcomer waits for about 100 turns there, and for one of each tenant here:
`python -m benchmarks turns` counts them. A semaphore doesn't know sizes either: slots enough for the small request
bodies would let as many of the largest in.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Turns:
    """At most `most` of work under way, which is measured by its size, and `share` of it for one key.

    Those who wait get their turns key by key in a circle, and of one key in the order in which they came, large ones
    too: smaller ones don't overtake. A key that has its share keeps none of the others waiting.
    """

    def __init__(self, most: int, share: int | None = None) -> None:
        self._most = most
        self._free = most
        self._share = most if share is None else share
        self._taken: dict[str, int] = {}
        """By key; none of them is 0."""
        self._waiting: OrderedDict[str, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()
        """By key, in the order of the circle. No queue is empty, and none of those who wait could begin: their keys
        have their share, or the first of the others in the circle is too large for what is free."""

    @property
    def under_way(self) -> int:
        """The size of all of it."""
        return self._most - self._free

    @asynccontextmanager
    async def turn(self, key: str, size: int = 1) -> AsyncIterator[None]:
        """The block is the work."""
        await self.begin(key, size)
        try:
            yield
        finally:
            self.end(key, size)

    async def begin(self, key: str, size: int = 1, patience: float | None = None) -> None:
        """Wait for a turn; then `end` has to follow. A size counts as `share` where it is larger.

        Raises `TimeoutError` when it doesn't come within `patience` seconds.
        """
        if self.begin_now(key, size):
            return
        loop = asyncio.get_running_loop()
        begins = loop.create_future()
        self._waiting.setdefault(key, deque()).append((self._counted(size), begins))
        timer = None if patience is None else loop.call_later(patience, _give_up, begins)
        try:
            await begins
        except TimeoutError:
            self._leave(key, begins)
            raise
        except asyncio.CancelledError:
            if begins.done() and not begins.cancelled() and begins.exception() is None:
                self.end(key, size)
            else:
                self._leave(key, begins)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def begin_now(self, key: str, size: int = 1) -> bool:
        """Begin if that needs no waiting. Returns False, and does nothing, if it does."""
        size = self._counted(size)
        if size > self._free or not self._has_left(key, size):
            return False
        if self._waiting and (key in self._waiting or self._next_key() is not None):
            return False
        self._start(key, size)
        return True

    def end(self, key: str, size: int = 1) -> None:
        size = self._counted(size)
        self._free += size
        left = self._taken[key] - size
        if left:
            self._taken[key] = left
        else:
            del self._taken[key]
        if self._waiting:
            self._call_next()

    def _counted(self, size: int) -> int:
        return size if size < self._share else self._share

    def _has_left(self, key: str, size: int) -> bool:
        return self._taken.get(key, 0) + size <= self._share

    def _start(self, key: str, size: int) -> None:
        self._free -= size
        self._taken[key] = self._taken.get(key, 0) + size

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
            if not begins.done():  # else it was cancelled, or has waited too long
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
        for key, queue in self._waiting.items():
            if self._has_left(key, queue[0][0]):
                return key
        return None


def _give_up(begins: asyncio.Future[None]) -> None:
    if not begins.done():
        begins.set_exception(TimeoutError())
