"""So many slots for each key. A new request takes the slot of the one that has waited longest for its client.

A semaphore would do where clients are honest. Here clients aren't authenticated yet: requests whose bodies never
arrive would hold all slots of an address, and keep every honest client behind the same proxy from a token.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Displaced(Exception):
    """A newer request has taken the slot."""


class Slot:
    """What `Slots.enter` gives."""

    def __init__(self) -> None:
        self.waits = False
        """Whether the block of `waiting` is under way: only then may the slot be taken away."""
        self._timeout: asyncio.Timeout | None = None
        self._is_lost = False

    @asynccontextmanager
    async def waiting(self, seconds: float) -> AsyncIterator[None]:
        """The block waits for the client. Raises TimeoutError after `seconds`, and `Displaced`."""
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
        assert self._timeout is not None  # noqa: S101 - only a slot that waits is taken away
        if not self._timeout.expired():  # else it is ending already
            self._timeout.reschedule(asyncio.get_running_loop().time())


class Slots:
    """At most `most` at once for each key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[str, dict[Slot, None]] = {}
        """The oldest first, which is also the one that has waited longest: each waits once, at its start."""

    @contextmanager
    def enter(self, key: str) -> Iterator[Slot | None]:
        """A slot for the block. None where all are taken and none of them waits."""
        taken = self._taken.setdefault(key, {})
        if len(taken) >= self._most:
            longest = next((slot for slot in taken if slot.waits), None)
            if longest is None:
                yield None
                return
            del taken[longest]
            longest.displace()
        slot = Slot()
        taken[slot] = None
        try:
            yield slot
        finally:
            self._leave(key, slot)

    def _leave(self, key: str, slot: Slot) -> None:
        """The slot may have been taken away meanwhile."""
        taken = self._taken.get(key, {})
        taken.pop(slot, None)
        if not taken:
            self._taken.pop(key, None)
