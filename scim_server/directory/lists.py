"""Pages of users and groups, by index or by cursor."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from scim_server.directory.anchors import Anchor, Anchors, ListName
from scim_server.directory.caller import Caller
from scim_server.directory.cursors import Cursor
from scim_server.directory.directory import Directory
from scim_server.scim.paging import PageRequest
from scim_server.scim.schema import ResourceType
from scim_server.storage.records import Counters, Page, Query

Item = TypeVar("Item")
Record = TypeVar("Record")

_ANCHORS_TRIED = 2
"""While others write all the time, each anchor may be stale when it is used."""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """`query` has filter and order, `page` says which part of the list is wanted.

    `identity` must be the same in all requests for pages of one list: filter, sortBy and sortOrder as sent.
    """

    query: Query
    page: PageRequest
    identity: str


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """A page, and the figures of its list response."""

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
    read: Callable[[Query], Awaitable[Page[Record]]],
) -> Listed[Record]:
    """Raises InvalidFilter, InvalidPath, InvalidCursor, ExpiredCursor."""
    wanted, now = request.page, directory.now()
    query = replace(request.query, count=wanted.count)
    if wanted.cursor is None:
        query = replace(query, start_index=wanted.start_index)
        if wanted.start_index > 1 and wanted.count and query.in_order_of_creation:
            of = ListName(caller.tenant.key, resource_type.name)
            page = await _from_nearest_anchor(directory.anchors, of, query, now, read)
        else:
            page = await read(query)
        return Listed(page.records, _total(page), wanted.start_index, None)
    belongs_to = "\0".join((resource_type.name, request.identity))
    cursors = caller.tenant.cursors
    cursor = cursors.open(wanted.cursor, belongs_to, now) if wanted.cursor else None
    page = await read(query if cursor is None else _beside(cursor, query))
    if cursor is not None and cursor.backwards and not page.records:
        # The resources before the position are gone, so that this is the first page.
        page = await read(query)
    following = None if page.end is None else cursors.seal(Cursor(page.end), belongs_to, now)
    preceding = None if page.start is None else cursors.seal(Cursor(page.start, backwards=True), belongs_to, now)
    return Listed(page.records, _total(page), None, following, preceding)


def _beside(cursor: Cursor, query: Query) -> Query:
    return replace(query, before=cursor.position) if cursor.backwards else replace(query, after=cursor.position)


async def _from_nearest_anchor(
    anchors: Anchors,
    of: ListName,
    query: Query,
    now: datetime,
    read: Callable[[Query], Awaitable[Page[Record]]],
) -> Page[Record]:
    """What counting from the start of the list gives (RFC 7644 §3.4.2.4), at one instant.

    `now`: before anything is read.
    """
    passed = query.start_index - 1
    for _ in range(_ANCHORS_TRIED):
        anchor = anchors.nearest(of, passed)
        if anchor is None:
            page = await read(query)
            break
        page = await read(replace(query, after=anchor.position, start_index=query.start_index - anchor.index))
        # Of a page without records, the counters are read later. Equal ones tell as much then, since they only grow.
        if anchor.holds(counters := _counters(page)):
            break
        anchors.forget_stale(of, counters)
    else:
        page = await read(query)
    if page.end is not None:
        anchors.add(of, Anchor(passed + len(page.records), page.end, _counters(page), now))
    return page


def _counters(page: Page[Record]) -> Counters:
    if page.counters is None:
        raise ValueError("a list of all resources has counters")
    return page.counters


def _total(page: Page[Record]) -> int:
    if page.total is None:
        raise ValueError("the query of a list asks for the total")
    return page.total
