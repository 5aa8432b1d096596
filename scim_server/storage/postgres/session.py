"""One tenant on one connection to PostgreSQL."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from scim_server.storage import documents
from scim_server.storage.postgres.connection import Connection
from scim_server.storage.postgres.search_dialect import POSTGRES
from scim_server.storage.records import Document
from scim_server.storage.search import SEARCH_SECONDS, CompiledSearch, FittingRows
from scim_server.storage.session import Row
from scim_server.storage.statement import Statement, Together

P = ParamSpec("P")
T = TypeVar("T")


class PostgresSession:
    """`session.Session`."""

    dialect = POSTGRES
    gave_up: type[Exception] = TimeoutError

    def __init__(self, connection: Connection, tenant: str) -> None:
        self.tenant = tenant
        self._connection = connection

    async def fetch(self, statement: Statement, *parameters: object) -> Sequence[Row]:
        return await self._connection.fetch(statement.postgres, *parameters)

    async def fetch_one(self, statement: Statement, *parameters: object) -> Row | None:
        return await self._connection.fetchrow(statement.postgres, *parameters)

    async def execute(self, statement: Statement, *parameters: object) -> int:
        ended = await self._connection.execute(statement.postgres, *parameters)
        return int(ended.rpartition(" ")[2])

    async def batch(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        if rows := [*rows]:
            await self._connection.executemany(statement.postgres, rows)

    async def together(self, statements: Together, *parameters: object) -> Mapping[str, Sequence[Row]]:
        found: dict[str, list[Row]] = {name: [] for name in statements.returning}
        for row in await self._connection.fetch(statements.postgres, *parameters):
            found[row["statement"]].append(row)
        return found

    async def fetch_page(self, search: CompiledSearch) -> FittingRows:
        # All rows come at once. So the statement leaves out the documents that don't fit.
        rows = await self._connection.fetch(search.page, *search.page_parameters, timeout=SEARCH_SECONDS)
        fitting = [row for row in rows if row["document"] is not None]
        return FittingRows(fitting, more=len(fitting) < len(rows))

    async def fetch_total(self, search: CompiledSearch) -> Row:
        return await self._connection.fetchrow(search.total, *search.parameters, timeout=SEARCH_SECONDS)

    async def compute(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.to_thread(function, *arguments, **named)

    def time(self, value: Any) -> datetime:
        time: datetime = value
        return time

    def json_time(self, value: datetime) -> object:
        return value.isoformat()

    def span(self, value: Any) -> timedelta:
        span: timedelta = value
        return span

    def folded(self, document: Document) -> str | None:
        return documents.to_json(documents.folded(document))
