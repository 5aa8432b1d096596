"""When each key is processed: client-go's work-queue as a plain value, with the time given from outside.

* A key that is added while it is processed runs once more afterwards; no key is ever processed twice at a time.
* The first event after quiet acts at once (nearly: events come in bursts). Those that follow within a burst are
  put off until `DEBOUNCE` passed without one, but never longer than `DEBOUNCE_LIMIT` after the first of them.
* A failed key comes back after an exponential back-off with jitter, which its success resets. A new event for it
  doesn't wait for that.
* Of the keys that are due, those come first that had an event: what comes back, or is looked at in case something was
  missed, waits for them.
* Keys have groups. Those of one group that are due together are processed together, and no two lots of one group at a
  time.
"""

import heapq
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

LEADING_DELAY = 0.03
DEBOUNCE = 0.25
DEBOUNCE_LIMIT = 2.0
SHORTEST_BACKOFF = 1.0
LONGEST_BACKOFF = 300.0
MOST_TOGETHER = 50
"""More keys than these wait for each other no longer."""

_EVENTS, _OTHERS = 0, 1
"""Lanes. Keys are taken from the first as long as one is due there."""

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Entry:
    """What is known of one key. Times are in seconds of the clock that the caller uses."""

    due: float | None = None
    """When it is to be processed next, by an event."""
    burst_began: float = 0.0
    retry_at: float | None = None
    """When it is to be processed next, because it failed or asked for it."""
    failures: int = 0
    running: bool = False
    last_seen: float = float("-inf")
    """When it was last added or finished: what quiet is measured from."""

    @property
    def waits(self) -> bool:
        return self.due is not None or self.retry_at is not None

    def time(self, lane: int) -> float | None:
        """When it is to be taken from a lane."""
        if self.running:
            return None
        return self.due if lane == _EVENTS else self.retry_at


class Schedule(Generic[K]):
    """Not thread-safe: one event loop calls it."""

    def __init__(self, jitter: random.Random | None = None, group: Callable[[K], Hashable] = lambda key: key) -> None:
        self._entries: dict[K, _Entry] = {}
        # By lane and group (time, tie-breaker, key). There is an item at or before each entry's time; one that comes
        # too early is put back at the right time, so that putting a key off again and again costs nothing.
        self._heaps: dict[int, dict[Hashable, list[tuple[float, int, K]]]] = {_EVENTS: {}, _OTHERS: {}}
        self._busy: dict[Hashable, int] = {}
        """Groups of which keys are processed, and how many."""
        self._group = group
        self._order = count()
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads load, guards nothing

    def __len__(self) -> int:
        """How many keys wait to be processed, those in back-off included."""
        return sum(entry.waits for entry in self._entries.values())

    def add(self, key: K, now: float) -> None:
        """Something happened to `key`."""
        entry = self._entries.setdefault(key, _Entry())
        before = entry.time(_EVENTS)
        if entry.due is not None:
            entry.due = max(entry.due, min(now + DEBOUNCE, entry.burst_began + DEBOUNCE_LIMIT))
        else:
            quiet = not entry.running and now - entry.last_seen >= DEBOUNCE
            entry.burst_began = now
            entry.due = now + (LEADING_DELAY if quiet else DEBOUNCE)
        entry.last_seen = now
        self._push(key, entry, _EVENTS, before)

    def add_after(self, key: K, delay: float, now: float) -> None:
        """Process `key` in `delay` seconds unless an event brings it sooner; the earliest such time counts."""
        entry = self._entries.setdefault(key, _Entry())
        before = entry.time(_OTHERS)
        at = now + delay
        entry.retry_at = at if entry.retry_at is None else min(entry.retry_at, at)
        self._push(key, entry, _OTHERS, before)

    def take(self, now: float) -> list[K]:
        """Keys of one group that are due, now running: of the group whose key has been due longest by an event, else
        by something else. Empty when none is due."""
        for lane, heaps in self._heaps.items():
            due = [
                (time, group) for group in heaps if (time := self._next_due(lane, group)) is not None and time <= now
            ]
            if due:
                _, group = min(due, key=lambda found: found[0])
                keys = self._take_due(lane, group, now)
                self._busy[group] = len(keys)
                return keys
        return []

    def _take_due(self, lane: int, group: Hashable, now: float) -> list[K]:
        keys: list[K] = []
        heap = self._heaps[lane][group]
        soon = now + LEADING_DELAY  # what came a moment later isn't left behind
        while len(keys) < MOST_TOGETHER and (due := self._first_time(lane, heap)) is not None and due <= soon:
            _, _, key = heapq.heappop(heap)
            entry = self._entries[key]
            entry.due = entry.retry_at = None
            entry.running = True
            keys.append(key)
        if not heap:
            del self._heaps[lane][group]
        return keys

    def next_due(self) -> float | None:
        """When `take` will have something; None when nothing waits, or only for what is running."""
        times = (self._next_due(lane, group) for lane, heaps in self._heaps.items() for group in heaps)
        return min((time for time in times if time is not None), default=None)

    def _next_due(self, lane: int, group: Hashable) -> float | None:
        return None if group in self._busy else self._first_time(lane, self._heaps[lane][group])

    def _first_time(self, lane: int, heap: list[tuple[float, int, K]]) -> float | None:
        while heap:
            time, order, key = heap[0]
            entry = self._entries.get(key)
            due = entry.time(lane) if entry is not None else None
            if due == time:
                return time
            if due is None or due < time:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (due, order, key))
        return None

    def succeeded(self, key: K, now: float) -> None:
        """`key` was processed; it may run again from now on."""
        entry = self._entries[key]
        entry.running, entry.failures, entry.last_seen = False, 0, now
        self._end(key)
        if entry.waits:
            self._push_all(key, entry)
        else:
            del self._entries[key]

    def failed(self, key: K, now: float) -> float:
        """`key` is to be tried again after its back-off, which is returned."""
        entry = self._entries[key]
        entry.last_seen = now
        longest = min(LONGEST_BACKOFF, SHORTEST_BACKOFF * 2.0 ** min(entry.failures, 16))
        entry.failures += 1
        delay = max(SHORTEST_BACKOFF, longest * self._jitter.uniform(0.5, 1.0))
        self.add_after(key, delay, now)
        entry.running = False
        self._end(key)
        self._push_all(key, entry)
        return delay

    def _end(self, key: K) -> None:
        """Others of the group may run once none of it does any more."""
        group = self._group(key)
        self._busy[group] -= 1
        if not self._busy[group]:
            del self._busy[group]

    def _push_all(self, key: K, entry: _Entry) -> None:
        for lane in self._heaps:
            self._push(key, entry, lane, None)

    def _push(self, key: K, entry: _Entry, lane: int, before: float | None) -> None:
        time = entry.time(lane)
        if time is not None and (before is None or time < before):
            heap = self._heaps[lane].setdefault(self._group(key), [])
            heapq.heappush(heap, (time, next(self._order), key))
