"""Runs compiled searches."""

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from scim_server.storage.protocol import Page, Query
from scim_server.storage.search import Searchable, compile_search
from scim_server.storage.search.sqlite import SQLITE

_Record = TypeVar("_Record")


def search(
    connection: sqlite3.Connection,
    tenant: str,
    searchable: Searchable,
    query: Query,
    columns: str,
    record: Callable[[Any], _Record],
) -> Page[_Record]:
    """One statement where the page tells the total, as for every look-up by a key; else two."""
    compiled = compile_search(searchable, SQLITE, tenant, query, columns)
    rows = connection.execute(compiled.page, compiled.page_parameters).fetchall() if query.count > 0 else []
    total = compiled.total_from(len(rows))
    if total is None:
        (total,) = connection.execute(compiled.total, compiled.parameters).fetchone()
    return Page(total, [record(row) for row in rows[: query.count]])
