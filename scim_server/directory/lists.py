"""Pages of users and groups, by index or by cursor."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from scim_server.directory.caller import Caller
from scim_server.directory.cursors import Place
from scim_server.directory.directory import Directory
from scim_server.directory.list_reader import ListReader
from scim_server.directory.walks import ListName
from scim_server.scim.effective import EFFECTIVE_URN
from scim_server.scim.filter import And, Comparison, Filter, Not, Or, Present, ValuePath
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
    wanted, now = request.page, directory.now()
    query = replace(request.query, count=wanted.count)
    pages = ListReader(directory.walks, _name(caller, resource_type, request), now, reader, read)
    if wanted.cursor is None:
        page = await pages.at_index(query, wanted.start_index) if wanted.count else None
        total = await pages.total(query, page)
        return Listed(page.records if page else (), total, wanted.start_index, None)
    belongs_to = "\0".join((resource_type.name, request.identity))
    cursors = caller.tenant.cursors
    place = cursors.open(wanted.cursor, belongs_to, now) if wanted.cursor else None
    page = await pages.first(query) if place is None else await pages.beside(_beside(place, query))
    if place is not None and place.backwards and not page.records:
        # What preceded is gone, so that the page before is the first one.
        page = await pages.first(query)
    total = await pages.total(query, page)
    following = None if page.end is None else cursors.seal(Place(page.end), belongs_to, now)
    preceding = None if page.start is None else cursors.seal(Place(page.start, backwards=True), belongs_to, now)
    return Listed(page.records, total, None, following, preceding)


def _beside(place: Place, query: Query) -> Query:
    return replace(query, before=place.position) if place.backwards else replace(query, after=place.position)


def _name(caller: Caller, resource_type: ResourceType, request: ListRequest) -> ListName:
    query = request.query
    return ListName(
        caller.tenant.key,
        caller.tenant.revision,
        resource_type.name,
        request.identity,
        plain=query.filter is None and query.sort_by is None,
        moves=query.filter is not None and _asks_of_state(query.filter),
    )


def _asks_of_state(node: Filter) -> bool:
    """Whether a user who is blocked, and deactivated some time later, may match only until then."""
    match node:
        case And(items) | Or(items):
            return any(map(_asks_of_state, items))
        case Not(item):
            return _asks_of_state(item)
        case Comparison(path) | Present(path) | ValuePath(path):
            return path.schema_urn == EFFECTIVE_URN and path.attribute.name == "state"
