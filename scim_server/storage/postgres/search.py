"""Runs compiled searches."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from scim_server.storage.postgres.dialect import POSTGRES
from scim_server.storage.postgres.session import Connection
from scim_server.storage.records import Page, Position, Query
from scim_server.storage.search import CompiledSearch, Searchable, compile_search
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
    """One statement where the page tells the total, as for every look-up by a key; else at most two."""
    compiled = compile_search(searchable, POSTGRES, tenant, query, columns)
    rows = await connection.fetch(compiled.page, *compiled.page_parameters) if query.count > 0 else []
    total = compiled.total_from(len(rows))
    if total is None and query.wants_total:
        total = await connection.fetchval(compiled.total, *compiled.parameters)
    page = compiled.arranged(rows)
    end, start = _position(page.end, compiled), _position(page.start, compiled)
    return Page([record(row) for row in page.rows], total, end, start)


def _position(row: Any, compiled: CompiledSearch) -> Position | None:
    if row is None:
        return None
    key = row[SORT_KEY] if compiled.sorted else None
    if isinstance(key, Decimal):
        key = int(key)
    return Position(row["created"], str(row["id"]), str(key) if isinstance(key, UUID) else key)
