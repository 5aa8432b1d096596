"""Walks through long lists by `startIndex`, page after page, at the same price for each page.

A database finds the 900,001st row by passing over 900,000. So the place where a page ended is remembered here, in the
process: the next page begins there. A page that another replica served leaves a gap; then only the rows since the
nearest remembered place are passed over, in an index. The first page of a list begins a new walk.

A walk goes on where it was, also when resources before that place were deleted meanwhile: nobody who is there all
the time is left out, as counting anew would.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from scim_server.storage.records import Position

_KEPT_WALKS = 10_000
_KEPT_PLACES = 64
"""Of one walk, the latest: a client may go through several parts of a list at once."""
_WALK_SECONDS = 600.0
_TOTAL_SECONDS = 60.0


@dataclass(slots=True)
class _Walk:
    used: float
    places: dict[int, Position] = field(default_factory=dict)
    """By how many resources come up to there; the latest last."""


@dataclass(frozen=True, slots=True)
class _Total:
    stamp: Hashable
    counted: float
    total: int


class Walks:
    """`walk` names a client, a resource type, a filter and an order. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._walks: OrderedDict[Hashable, _Walk] = OrderedDict()
        self._totals: OrderedDict[Hashable, _Total] = OrderedDict()

    def begin(self, walk: Hashable) -> None:
        """Forget where an earlier walk was."""
        self._walks.pop(walk, None)

    def nearest(self, walk: Hashable, index: int) -> tuple[int, Position | None]:
        """The last known place with at most `index` resources up to it, and how many they are."""
        known = self._walks.get(walk)
        if known is None or self._clock() - known.used > _WALK_SECONDS:
            return 0, None
        found = max((place for place in known.places if place <= index), default=0)
        return found, known.places.get(found)

    def reached(self, walk: Hashable, index: int, position: Position) -> None:
        """A page ended at `position`, with `index` resources up to it."""
        now = self._clock()
        known = self._walks.get(walk)
        if known is None or now - known.used > _WALK_SECONDS:
            known = self._walks[walk] = _Walk(now)
        known.used = now
        self._walks.move_to_end(walk)
        known.places.pop(index, None)
        known.places[index] = position
        if len(known.places) > _KEPT_PLACES:
            del known.places[next(iter(known.places))]
        if len(self._walks) > _KEPT_WALKS:
            self._walks.popitem(last=False)

    def total(self, of: Hashable, stamp: Hashable) -> int | None:
        """The total of a filtered list that was counted less than a minute ago, if nothing has changed since."""
        known = self._totals.get(of)
        if known is None or known.stamp != stamp or self._clock() - known.counted > _TOTAL_SECONDS:
            return None
        return known.total

    def counted(self, of: Hashable, stamp: Hashable, total: int) -> None:
        """`stamp` was read before the count."""
        self._totals[of] = _Total(stamp, self._clock(), total)
        self._totals.move_to_end(of)
        if len(self._totals) > _KEPT_WALKS:
            self._totals.popitem(last=False)
