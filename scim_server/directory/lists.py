"""Pages of users and groups, by index or by cursor."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from scim_server.directory.caller import Caller
from scim_server.directory.cursors import Place
from scim_server.directory.directory import Directory
from scim_server.directory.walks import Walks
from scim_server.scim.paging import PageRequest
from scim_server.scim.schema import ResourceType
from scim_server.storage.protocol import Reader
from scim_server.storage.records import Page, Query

Item = TypeVar("Item")
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class ListRequest:
    """`query` has filter and order, `page` the part that is asked for.

    `identity` is what must be the same in all requests for pages of one list: filter, sortBy and sortOrder as sent.
    """

    query: Query
    page: PageRequest
    identity: str


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """A page, and what its list response says."""

    items: Sequence[Item]
    total: int
    start_index: int | None
    next_cursor: str | None
    previous_cursor: str | None = None


async def list_page(
    directory: Directory,
    caller: Caller,
    resource_type: ResourceType,
    request: ListRequest,
    reader: Reader,
    read: Callable[[Query], Awaitable[Page[Record]]],
) -> Listed[Record]:
    """`read`: of `reader`. Raises InvalidFilter, InvalidPath, InvalidCursor, ExpiredCursor."""
    wanted, walks, now = request.page, directory.walks, directory.now()
    query = replace(request.query, count=wanted.count)
    of = (caller.tenant.key, resource_type.name, request.identity)
    if wanted.cursor is None:
        walk = (*of, caller.credential)
        if wanted.start_index == 1:
            walks.begin(walk)
        passed, after = walks.nearest(walk, wanted.start_index - 1)
        query = replace(query, after=after, start_index=wanted.start_index - passed)
        page, total = await _read(walks, of, query, reader, read, first=wanted.start_index == 1)
        if page.end is not None:
            walks.reached(walk, wanted.start_index - 1 + len(page.records), page.end)
        return Listed(page.records, total, wanted.start_index, None)
    belongs_to = "\0".join((resource_type.name, request.identity))
    cursors = caller.tenant.cursors
    place = cursors.open(wanted.cursor, belongs_to, now) if wanted.cursor else None
    page, total = await _read(walks, of, _at(place, query), reader, read, first=place is None)
    if place is not None and place.backwards and not page.records:
        # What preceded is gone, so that the page before is the first one.
        page, total = await _read(walks, of, query, reader, read, first=True)
    following = None if page.end is None else cursors.seal(Place(page.end), belongs_to, now)
    preceding = None if page.start is None else cursors.seal(Place(page.start, backwards=True), belongs_to, now)
    return Listed(page.records, total, None, following, preceding)


def _at(place: Place | None, query: Query) -> Query:
    if place is None:
        return query
    return replace(query, before=place.position) if place.backwards else replace(query, after=place.position)


async def _read(
    walks: Walks,
    of: tuple[str, ...],
    query: Query,
    reader: Reader,
    read: Callable[[Query], Awaitable[Page[Record]]],
    *,
    first: bool,
) -> tuple[Page[Record], int]:
    """The total without a filter is kept by the database; with one, the pages of a list share one count."""
    if first or query.filter is None:
        page = await read(query)
        assert page.total is not None  # noqa: S101 - it is wanted
        return page, page.total
    stamp = await reader.stamp()
    known = walks.total(of, stamp)
    page = await read(replace(query, wants_total=known is None))
    total = page.total if known is None else known
    assert total is not None  # noqa: S101 - see above
    if known is None:
        walks.counted(of, stamp, total)
    return page, total
