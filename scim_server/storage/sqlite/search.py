"""Searches on a connection to SQLite."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from scim_server.storage.records import Page, Query
from scim_server.storage.search import SEARCH_SECONDS, CompiledSearch, FittingRows, Searchable, read_page
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.failures import Interrupted
from scim_server.storage.sqlite.search_dialect import SQLITE
from scim_server.storage.sqlite.times import from_microseconds

_Record = TypeVar("_Record")


class _Session:
    dialect = SQLITE
    gave_up: type[Exception] = Interrupted

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch_page(self, search: CompiledSearch) -> FittingRows:
        return await self._connection.run_within(SEARCH_SECONDS, _fetch_page, search)

    async def fetch_total(self, search: CompiledSearch) -> Any:
        return await self._connection.run_within(SEARCH_SECONDS, _fetch_total, search)

    def time(self, value: Any) -> datetime:
        return from_microseconds(value)


async def search(
    connection: Connection,
    tenant: str,
    searchable: Searchable,
    query: Query,
    columns: str,
    record: Callable[[Any], _Record],
) -> Page[_Record]:
    """As `read_page`; raises `Interrupted` where a search takes long though an index answers it."""
    return await read_page(_Session(connection), tenant, searchable, query, columns, record)


def _fetch_page(connection: sqlite3.Connection, search: CompiledSearch) -> FittingRows:
    # Rows come one by one. SQLite would have to read a document to know its size, so that the reading ends here.
    rows: list[Any] = []
    size = 0
    for row in connection.execute(search.page, search.page_parameters):
        if size >= search.query.most_bytes:
            return FittingRows(rows, more=True)
        rows.append(row)
        size += len(row["document"])
    return FittingRows(rows, more=False)


def _fetch_total(connection: sqlite3.Connection, search: CompiledSearch) -> Any:
    return connection.execute(search.total, search.parameters).fetchone()
