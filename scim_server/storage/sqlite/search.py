"""Runs compiled searches."""

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from scim_server.storage.records import Page, Position, Query
from scim_server.storage.search import CompiledSearch, Searchable, compile_search, read_stamp
from scim_server.storage.search.statement import SORT_KEY, STAMP
from scim_server.storage.sqlite.dialect import SQLITE
from scim_server.storage.sqlite.times import from_microseconds

_Record = TypeVar("_Record")


def search(
    connection: sqlite3.Connection,
    tenant: str,
    searchable: Searchable,
    query: Query,
    columns: str,
    record: Callable[[Any], _Record],
) -> Page[_Record]:
    """One statement where the page tells the total, as for every look-up by a key; else at most two."""
    compiled = compile_search(searchable, SQLITE, tenant, query, columns)
    rows = connection.execute(compiled.page, compiled.page_parameters).fetchall() if query.count > 0 else []
    stamp = rows[0][STAMP] if rows and query.wants_stamp else None
    total = compiled.total_from(len(rows))
    if total is None and query.wants_total:
        counted = connection.execute(compiled.total, compiled.parameters).fetchone()
        total, stamp = counted["total"], stamp or counted[STAMP]
    page = compiled.arranged(rows)
    end, start = _position(page.end, compiled), _position(page.start, compiled)
    read_at = read_stamp(stamp) if stamp is not None and query.wants_stamp else None
    return Page([record(row) for row in page.rows], total, end, start, read_at)


def _position(row: Any, compiled: CompiledSearch) -> Position | None:
    if row is None:
        return None
    return Position(from_microseconds(row["created"]), row["id"], row[SORT_KEY] if compiled.sorted else None)
