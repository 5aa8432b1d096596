"""Reads a page of a list, with at most two statements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from uuid import UUID

from scim_server.scim.errors import TooMany
from scim_server.storage.records import Page, Position, Query, SortKey
from scim_server.storage.search.dialect import Dialect
from scim_server.storage.search.searchable import Searchable
from scim_server.storage.search.statement import SORT_KEY, CompiledSearch, compile_search

Record = TypeVar("Record")

SEARCH_SECONDS = 10.0
"""For each statement of a list: a request may have a connection for so long."""


@dataclass(frozen=True, slots=True)
class FittingRows:
    """The rows of a page whose documents fit into its bytes; whether there are `more` rows."""

    rows: Sequence[Any]
    more: bool


class SearchSession(Protocol):
    """Runs the statements of a search on one connection, none for longer than `SEARCH_SECONDS`."""

    dialect: Dialect
    gave_up: type[Exception]
    """Raised where a statement takes longer."""

    async def fetch_page(self, search: CompiledSearch) -> FittingRows: ...
    async def fetch_total(self, search: CompiledSearch) -> Any: ...
    def time(self, value: Any) -> datetime:
        """A time in a row."""
        ...


async def read_page(
    session: SearchSession,
    tenant: str,
    searchable: Searchable,
    query: Query,
    columns: str,
    record: Callable[[Any], Record],
) -> Page[Record]:
    """Raises `InvalidFilter` and `InvalidPath`; `TooMany` where a search takes long since no index answers it."""
    search = compile_search(searchable, session.dialect, tenant, query, columns)
    try:
        return await _read(session, search, record)
    except session.gave_up as error:
        if not search.looks_at_all:
            raise
        raise TooMany(
            f"the search takes longer than {SEARCH_SECONDS:g} s, since no index answers it: filter for what equals an"
            " id, userName, externalId, displayName or emails.value, or for fewer values, and leave sortBy out"
        ) from error


async def _read(session: SearchSession, search: CompiledSearch, record: Callable[[Any], Record]) -> Page[Record]:
    query = search.query
    fitting = await session.fetch_page(search) if query.count > 0 else FittingRows((), more=False)
    rows, more = fitting.rows[: query.count], fitting.more or len(fitting.rows) > query.count
    counters = search.counters_of(rows[0]) if rows else None
    total = counters.total if counters else search.total_from(len(rows), more=more)
    if total is None and query.wants_total:
        row = await session.fetch_total(search)
        counters = search.counters_of(row)
        total = counters.total if counters else row["total"]
    if query.before is not None:
        rows = rows[::-1]
    precedes = more if query.before is not None else query.after is not None
    follows = more or query.before is not None
    end = _position(session, search, rows[-1]) if rows and follows else None
    start = _position(session, search, rows[0]) if rows and precedes else None
    return Page([record(row) for row in rows], total, end, start, counters)


def _position(session: SearchSession, search: CompiledSearch, row: Any) -> Position:
    key = _plain(row[SORT_KEY]) if search.sorted else None
    return Position(session.time(row["created"]), str(row["id"]), key)


def _plain(key: Any) -> SortKey:
    """PostgreSQL's driver has types of its own for ids and whole numbers."""
    match key:
        case Decimal():
            return int(key)
        case UUID():
            return str(key)
        case _:
            plain: SortKey = key
            return plain
