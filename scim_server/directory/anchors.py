"""Anchors: known positions in the order of creation, so that each page by `startIndex` costs the same.

A database finds the 900,001st row by passing over 900,000. So the server remembers, in the process, where a page of
a list without filter and `sortBy` ended, and the next page begins there. The counters of added and removed resources
tell whether as many resources as before still come up to that position (`Anchor.holds`). A page that another replica
served leaves a gap; then only the rows since the nearest anchor are passed over.

Lists with a filter or `sortBy` have no anchors: their order can change without any count of it, with the time alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from scim_server.limits.tenant_cache import TenantCache
from scim_server.storage.protocol import LONGEST_WRITE
from scim_server.storage.records import Counters, Position

_LIMIT = 16 << 20
"""Bytes of all anchors together."""
_ANCHORS_OF_LIST = 64
"""The latest: clients may go through several parts of a list at once."""
_LIST_BYTES = 1000
_ANCHOR_BYTES = 800
"""What a list and an anchor take in memory, measured generously."""


@dataclass(frozen=True, slots=True)
class ListName:
    """Of all resources of one type in one tenant."""

    tenant: str
    resource_type: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """`index` resources came up to `position`, which was the last of them, when the type had these `counters`."""

    index: int
    position: Position
    counters: Counters
    read: datetime
    """When the reading of the page that ended here began, or earlier."""

    def holds(self, counters: Counters) -> bool:
        """Whether as many resources come up to the position now that the type has these counters."""
        if self.read - self.position.created > LONGEST_WRITE:  # no resource can be added before it any more
            return counters.removed == self.counters.removed
        return counters == self.counters


_OfList: TypeAlias = dict[int, Anchor]
"""By index; the latest last."""


class Anchors:
    """Of all lists of all tenants, at most `limit` bytes."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._lists = TenantCache[ListName, _OfList](limit)

    def nearest(self, of: ListName, index: int) -> Anchor | None:
        """The last anchor with at most `index` resources up to it. It may no longer hold."""
        known = self._known(of)
        return known[max(nearer)] if (nearer := [at for at in known if at <= index]) else None

    def add(self, of: ListName, anchor: Anchor) -> None:
        known = self._known(of)
        known.pop(anchor.index, None)
        known[anchor.index] = anchor
        if len(known) > _ANCHORS_OF_LIST:
            del known[next(iter(known))]
        self._keep(of, known)

    def forget_stale(self, of: ListName, counters: Counters) -> None:
        """Forget those that don't hold any more."""
        self._keep(of, {index: anchor for index, anchor in self._known(of).items() if anchor.holds(counters)})

    def _known(self, of: ListName) -> _OfList:
        return self._lists.get(of.tenant, of) or {}

    def _keep(self, of: ListName, known: _OfList) -> None:
        self._lists.put(of.tenant, of, known, _LIST_BYTES + len(known) * _ANCHOR_BYTES)
