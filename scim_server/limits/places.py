"""Places for those of whom nothing is known yet: so many for each key. A new one gets that of who waits longest."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Displaced(Exception):
    """Another one has taken the place."""


class Place:
    """What `Places.enter` gives."""

    def __init__(self) -> None:
        self.waits = False
        """Whether the block of `waiting` is under way: only then may the place be taken away."""
        self._timeout: asyncio.Timeout | None = None
        self._is_lost = False

    @asynccontextmanager
    async def waiting(self, seconds: float) -> AsyncIterator[None]:
        """The block waits for the other side. Raises TimeoutError after `seconds`, and `Displaced`."""
        self.waits = True
        try:
            async with asyncio.timeout(seconds) as self._timeout:
                yield
        except TimeoutError:
            if self._is_lost:
                raise Displaced from None
            raise
        finally:
            self.waits = False

    def displace(self) -> None:
        """End the block of `waiting`, which is under way."""
        self._is_lost = True
        assert self._timeout is not None  # noqa: S101 - only those that wait are displaced
        if not self._timeout.expired():  # else it is ending already
            self._timeout.reschedule(asyncio.get_running_loop().time())


class Places:
    """At most `most` at once for each key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[str, dict[Place, None]] = {}
        """In the order in which they were taken, which is that in which they wait: each waits once, at its start."""

    @contextmanager
    def enter(self, key: str) -> Iterator[Place | None]:
        """A place for the block. None: all are taken, and nobody who has one waits."""
        taken = self._taken.setdefault(key, {})
        if len(taken) >= self._most:
            longest = next((place for place in taken if place.waits), None)
            if longest is None:
                yield None
                return
            del taken[longest]
            longest.displace()
        place = Place()
        taken[place] = None
        try:
            yield place
        finally:
            self._leave(key, place)

    def _leave(self, key: str, place: Place) -> None:
        """Nothing, where the place was lost meanwhile."""
        taken = self._taken.get(key, {})
        taken.pop(place, None)
        if not taken:
            self._taken.pop(key, None)
