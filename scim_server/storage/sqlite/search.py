"""Runs compiled searches."""

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from scim_server.storage.records import Page, Position, Query
from scim_server.storage.search import SEARCH_SECONDS, CompiledSearch, Searchable, compile_search
from scim_server.storage.search.statement import SORT_KEY
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.dialect import SQLITE
from scim_server.storage.sqlite.failures import Interrupted
from scim_server.storage.sqlite.times import from_microseconds

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

    Raises `TooMany`, and `Interrupted` where it takes long though indexes answer it.
    """
    compiled = compile_search(searchable, SQLITE, tenant, query, columns)
    try:
        return await connection.run_within(SEARCH_SECONDS, _search, compiled, record)
    except Interrupted as error:
        if (too_long := compiled.took_too_long()) is not None:
            raise too_long from error
        raise


def _search(
    connection: sqlite3.Connection, compiled: CompiledSearch, record: Callable[[Any], _Record]
) -> Page[_Record]:
    query = compiled.query
    rows, more = _fitting(connection, compiled) if query.count > 0 else ([], False)
    counters = compiled.counters_of(rows[0]) if rows else None
    total = counters.total if counters else None if more else compiled.total_from(len(rows))
    if total is None and query.wants_total:
        counted = connection.execute(compiled.total, compiled.parameters).fetchone()
        counters = compiled.counters_of(counted)
        total = counters.total if counters else counted["total"]
    page = compiled.arranged(rows, more)
    end, start = _position(page.end, compiled), _position(page.start, compiled)
    return Page([record(row) for row in page.rows], total, end, start, counters)


def _fitting(connection: sqlite3.Connection, compiled: CompiledSearch) -> tuple[list[Any], bool]:
    """The rows that fit into the page's bytes, and whether there are others."""
    rows: list[Any] = []
    size = 0
    for row in connection.execute(compiled.page, compiled.page_parameters):
        if size >= compiled.query.most_bytes:
            return rows, True
        rows.append(row)
        size += len(row["document"])
    return rows, False


def _position(row: Any, compiled: CompiledSearch) -> Position | None:
    if row is None:
        return None
    return Position(from_microseconds(row["created"]), row["id"], row[SORT_KEY] if compiled.sorted else None)
