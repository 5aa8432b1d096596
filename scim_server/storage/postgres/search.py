"""Runs compiled searches."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from scim_server.storage.postgres.dialect import POSTGRES
from scim_server.storage.postgres.session import Connection
from scim_server.storage.records import Page, Position, Query
from scim_server.storage.search import SEARCH_SECONDS, CompiledSearch, Searchable, compile_search
from scim_server.storage.search.statement import SORT_KEY

_Record = TypeVar("_Record")


async def search(
    connection: Connection,
    tenant: str,
    searchable: Searchable,
    query: Query,
    columns: str,
    record: Callable[[Any], _Record],
) -> Page[_Record]:
    """One statement where the page tells the total, as for every look-up by a key; else at most two.

    Raises `TooMany`, and TimeoutError where it takes long though indexes answer it.
    """
    compiled = compile_search(searchable, POSTGRES, tenant, query, columns)
    try:
        return await _search(connection, compiled, record)
    except TimeoutError as error:
        if (too_long := compiled.took_too_long()) is not None:
            raise too_long from error
        raise


async def _search(
    connection: Connection, compiled: CompiledSearch, record: Callable[[Any], _Record]
) -> Page[_Record]:
    query = compiled.query
    rows: Sequence[Any] = []
    if query.count > 0:
        rows = await connection.fetch(compiled.page, *compiled.page_parameters, timeout=SEARCH_SECONDS)
    counters = compiled.counters_of(rows[0]) if rows else None
    total = counters.total if counters else compiled.total_from(len(rows))
    if total is None and query.wants_total:
        counted = await connection.fetchrow(compiled.total, *compiled.parameters, timeout=SEARCH_SECONDS)
        counters = compiled.counters_of(counted)
        total = counters.total if counters else counted["total"]
    fitting = [row for row in rows if row["document"] is not None]
    page = compiled.arranged(fitting, more=len(fitting) < len(rows))
    end, start = _position(page.end, compiled), _position(page.start, compiled)
    return Page([record(row) for row in page.rows], total, end, start, counters)


def _position(row: Any, compiled: CompiledSearch) -> Position | None:
    if row is None:
        return None
    key = row[SORT_KEY] if compiled.sorted else None
    if isinstance(key, Decimal):
        key = int(key)
    return Position(row["created"], str(row["id"]), str(key) if isinstance(key, UUID) else key)
