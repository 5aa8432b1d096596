"""Reads pages of one list and its total, with the help of what is remembered of it, as far as that still holds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from scim_server.directory.walks import ListName, Place, Walks
from scim_server.storage.protocol import Reader
from scim_server.storage.records import Page, Query

Record = TypeVar("Record")

_PLACES_TRIED = 2
"""While others write all the time, each remembered place may be stale when it is used."""


@dataclass(frozen=True, slots=True)
class ListReader(Generic[Record]):
    """`read` is of `reader`; `now` is from before anything is read."""

    walks: Walks
    name: ListName
    now: datetime
    reader: Reader
    read: Callable[[Query], Awaitable[Page[Record]]]

    async def first(self, query: Query) -> Page[Record]:
        """The first page, for which nothing need be known. Without a filter, its stamp tells the total."""
        return await self.read(replace(query, wants_total=False, wants_stamp=query.filter is None))

    async def beside(self, query: Query) -> Page[Record]:
        """The page after or before a position."""
        return await self.read(replace(query, wants_total=False, wants_stamp=True))

    async def at_index(self, query: Query, start_index: int) -> Page[Record]:
        """What counting from the start of the list gives (RFC 7644 §3.4.2.4), at one instant."""
        if start_index == 1:
            return await self.first(query)
        passed = start_index - 1
        for _ in range(_PLACES_TRIED):
            place = self.walks.nearest(self.name, passed)
            page = await self._from(place, query, passed)
            if place is None:
                break
            stamp = page.stamp or await self.reader.stamp()  # a later one tells as much: what it counts only grows
            if self.name.holds(place, stamp):
                break
            self.walks.forget(self.name, stamp)
        else:
            page = await self._from(None, query, passed)
        if page.end is not None and page.stamp is not None:
            index = passed + len(page.records)
            self.walks.reached(self.name, self.name.place(index, page.end, page.stamp, self.now))
        return page

    async def total(self, query: Query, page: Page[Record] | None = None) -> int:
        """Of the list; `page` of it has been read just now."""
        if page is not None and page.total is not None:
            return page.total
        if page is not None and page.stamp is not None:
            if query.filter is None:
                return self.name.counted(page.stamp).total
            known = self.walks.total(self.name, page.stamp)
            if known is not None:
                return known
        counted = await self.read(replace(query, count=0, wants_total=True, wants_stamp=True))
        assert counted.total is not None and counted.stamp is not None  # noqa: PT018, S101 - they are wanted
        if query.filter is not None:
            self.walks.counted(self.name, counted.stamp, counted.total)
        return counted.total

    async def _from(self, place: Place | None, query: Query, passed: int) -> Page[Record]:
        if place is None:
            return await self.beside(replace(query, start_index=passed + 1))
        return await self.beside(replace(query, after=place.position, start_index=passed - place.index + 1))
