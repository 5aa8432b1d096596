"""Searches on a connection to PostgreSQL."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from scim_server.storage.postgres.search_dialect import POSTGRES
from scim_server.storage.postgres.session import Connection
from scim_server.storage.records import Page, Query
from scim_server.storage.search import SEARCH_SECONDS, CompiledSearch, FittingRows, Searchable, read_page

_Record = TypeVar("_Record")


class _Session:
    dialect = POSTGRES
    gave_up: type[Exception] = TimeoutError

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch_page(self, search: CompiledSearch) -> FittingRows:
        # All rows come at once. So the statement leaves out the documents that don't fit.
        rows = await self._connection.fetch(search.page, *search.page_parameters, timeout=SEARCH_SECONDS)
        fitting = [row for row in rows if row["document"] is not None]
        return FittingRows(fitting, more=len(fitting) < len(rows))

    async def fetch_total(self, search: CompiledSearch) -> Any:
        return await self._connection.fetchrow(search.total, *search.parameters, timeout=SEARCH_SECONDS)

    def time(self, value: Any) -> datetime:
        time: datetime = value
        return time


async def search(
    connection: Connection,
    tenant: str,
    searchable: Searchable,
    query: Query,
    columns: str,
    record: Callable[[Any], _Record],
) -> Page[_Record]:
    """As `read_page`; raises TimeoutError where a search takes long though an index answers it."""
    return await read_page(_Session(connection), tenant, searchable, query, columns, record)
