"""Runs compiled searches."""

from collections.abc import Callable
from typing import Any, TypeVar

from scim_server.storage.postgres.session import Connection
from scim_server.storage.protocol import Page, Query
from scim_server.storage.search import Searchable, compile_search
from scim_server.storage.search.postgres import POSTGRES

_Record = TypeVar("_Record")


async def search(
    connection: Connection,
    tenant: str,
    searchable: Searchable,
    query: Query,
    columns: str,
    record: Callable[[Any], _Record],
) -> Page[_Record]:
    """One statement where the page tells the total, as for every look-up by a key; else two."""
    compiled = compile_search(searchable, POSTGRES, tenant, query, columns)
    rows = await connection.fetch(compiled.page, *compiled.page_parameters) if query.count > 0 else []
    total = compiled.total_from(len(rows))
    if total is None:
        total = await connection.fetchval(compiled.total, *compiled.parameters)
    return Page(total, [record(row) for row in rows[: query.count]])
