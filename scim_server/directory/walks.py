"""Walks through long lists by `startIndex`, page after page, at the same price for each page.

A database finds the 900,001st row by passing over 900,000. So the place where a page ended is remembered here, in the
process, and the next page begins there: but only where that gives exactly what counting from the start would, which
the tenant's stamp tells (`ListName.holds`). A page that another replica served leaves a gap; then only the rows since
the nearest remembered place are passed over.
"""

import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scim_server.limits.tenant_cache import TenantCache
from scim_server.storage.records import Counted, Position, Stamp

_KEPT_BYTES = 16 << 20
_KEPT_PLACES = 64
"""Of one list, the latest: clients may go through several parts of a list at once."""
_LIST_BYTES = 1000
_PLACE_BYTES = 800
"""What a list and a place take beside their texts, measured generously."""

_LONGEST_WRITE = timedelta(minutes=5)
"""Whoever creates a resource has committed by then: statements and requests end sooner. Replicas' clocks may differ
by some of it."""


@dataclass(frozen=True, slots=True)
class ListName:
    """`identity` tells the lists of a type apart, of one tenant in one revision of its configuration.

    `plain`: without a filter, in the order of creation. `moves`: also while nothing is changed, with the time.
    """

    tenant: str
    revision: int
    resource_type: str
    identity: str
    plain: bool
    moves: bool

    def counted(self, stamp: Stamp) -> Counted:
        """Resources of its type."""
        return stamp.users if self.resource_type == "User" else stamp.groups

    def place(self, index: int, position: Position, stamp: Stamp, now: datetime) -> "Place":
        """`index` resources come up to `position`, as was read after `now`, when the tenant had this stamp."""
        lasts = self.plain and now - position.created > _LONGEST_WRITE
        return Place(index, position, lasts, self._basis(stamp, lasts))

    def holds(self, place: "Place", stamp: Stamp) -> bool:
        """Whether as many come up to it as when it was reached."""
        return place.basis is not None and place.basis == self._basis(stamp, place.lasts)

    def stays(self, stamp: Stamp) -> bool:
        """Whether the list is the same for as long as the tenant has this stamp."""
        return stamp.settled and not self.moves

    def _basis(self, stamp: Stamp, lasts: bool) -> Hashable:
        """What must stay the same for a place to hold; None where nothing is good enough."""
        if not self.plain:
            return stamp if self.stays(stamp) else None
        counted = self.counted(stamp)
        return counted.removed if lasts else counted


@dataclass(frozen=True, slots=True)
class Place:
    """In a list: `index` resources come up to `position`.

    `lasts`: nobody can be added before it any more, only removed. `basis`: see `ListName`.
    """

    index: int
    position: Position
    lasts: bool
    basis: Hashable


@dataclass(slots=True)
class _List:
    places: dict[int, Place] = field(default_factory=dict)
    """By index; the latest last."""
    counted: tuple[Stamp, int] | None = None
    """A total, and when it was right."""


class Walks:
    """What is remembered of lists: at most `limit` bytes."""

    def __init__(self, limit: int = _KEPT_BYTES) -> None:
        self._lists = TenantCache[ListName, _List](limit)

    def nearest(self, of: ListName, index: int) -> Place | None:
        """The last remembered place with at most `index` resources up to it. Whether it holds is to be seen."""
        known = self._known(of)
        return max((place for place in known.places.values() if place.index <= index), key=_index, default=None)

    def reached(self, of: ListName, place: Place) -> None:
        if place.basis is None:
            return
        known = self._known(of)
        known.places.pop(place.index, None)
        known.places[place.index] = place
        if len(known.places) > _KEPT_PLACES:
            del known.places[next(iter(known.places))]
        self._keep(of, known)

    def forget(self, of: ListName, stamp: Stamp) -> None:
        """All places that don't hold any more."""
        known = self._known(of)
        known.places = {index: place for index, place in known.places.items() if of.holds(place, stamp)}
        self._keep(of, known)

    def total(self, of: ListName, stamp: Stamp) -> int | None:
        """The total of a filtered list, where nothing has changed since it was counted."""
        counted = self._known(of).counted
        return counted[1] if counted and counted[0] == stamp else None

    def counted(self, of: ListName, stamp: Stamp, total: int) -> None:
        if of.stays(stamp):
            known = self._known(of)
            known.counted = stamp, total
            self._keep(of, known)

    def _known(self, of: ListName) -> _List:
        return self._lists.get(of.tenant, of) or _List()

    def _keep(self, of: ListName, known: _List) -> None:
        places = sum(map(_size, known.places.values()))
        self._lists.put(of.tenant, of, known, _LIST_BYTES + sys.getsizeof(of.identity) + places)


def _index(place: Place) -> int:
    return place.index


def _size(place: Place) -> int:
    return _PLACE_BYTES + sys.getsizeof(place.position.key)
