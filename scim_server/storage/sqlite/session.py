"""One tenant on one connection to SQLite, in its thread or from the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from scim_server.storage import documents
from scim_server.storage.records import Document
from scim_server.storage.search import SEARCH_SECONDS, CompiledSearch, FittingRows
from scim_server.storage.session import Row
from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.failures import Interrupted
from scim_server.storage.sqlite.search_dialect import SQLITE
from scim_server.storage.sqlite.times import MICROSECOND, from_microseconds, microseconds
from scim_server.storage.statement import Statement, Together

P = ParamSpec("P")
T = TypeVar("T")


class _SqliteValues:
    """Times are whole microseconds since 1970-01-01 UTC, filters fold what they read."""

    dialect = SQLITE
    gave_up: type[Exception] = Interrupted

    def time(self, value: Any) -> datetime:
        return from_microseconds(value)

    def json_time(self, value: datetime) -> object:
        return microseconds(value)

    def span(self, value: Any) -> timedelta:
        return timedelta(microseconds=value)

    def folded(self, document: Document) -> str | None:
        return None


class WriteSession(_SqliteValues):
    """`session.Session` in the connection's thread. Nothing that it does waits, so that a step needs no event
    loop."""

    def __init__(self, connection: sqlite3.Connection, tenant: str) -> None:
        self.tenant = tenant
        self._connection = connection

    async def fetch(self, statement: Statement, *parameters: object) -> Sequence[Row]:
        return fetch(self._connection, statement, parameters)

    async def fetch_one(self, statement: Statement, *parameters: object) -> Row | None:
        return next(iter(fetch(self._connection, statement, parameters)), None)

    async def execute(self, statement: Statement, *parameters: object) -> int:
        return self._connection.execute(statement.sqlite, _named(parameters)).rowcount

    async def batch(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        if rows := [*rows]:
            self._connection.executemany(statement.sqlite, map(_named, rows))

    async def together(self, statements: Together, *parameters: object) -> Mapping[str, Sequence[Row]]:
        return together(self._connection, statements, parameters)

    async def fetch_page(self, search: CompiledSearch) -> FittingRows:
        return _fetch_page(self._connection, search)

    async def fetch_total(self, search: CompiledSearch) -> Row:
        return _fetch_total(self._connection, search)

    async def compute(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return function(*arguments, **named)


class ReadSession(_SqliteValues):
    """`session.Session` from the event loop: each statement is a hop to the connection's thread and back."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self.tenant = tenant
        self._connection = connection

    async def fetch(self, statement: Statement, *parameters: object) -> Sequence[Row]:
        return await self._connection.run(fetch, statement, parameters)

    async def fetch_one(self, statement: Statement, *parameters: object) -> Row | None:
        return next(iter(await self.fetch(statement, *parameters)), None)

    async def execute(self, statement: Statement, *parameters: object) -> int:
        raise TypeError("a reader changes nothing")

    async def batch(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        raise TypeError("a reader changes nothing")

    async def together(self, statements: Together, *parameters: object) -> Mapping[str, Sequence[Row]]:
        return await self._connection.run(together, statements, parameters)

    async def fetch_page(self, search: CompiledSearch) -> FittingRows:
        return await self._connection.run_within(SEARCH_SECONDS, _fetch_page, search)

    async def fetch_total(self, search: CompiledSearch) -> Row:
        return await self._connection.run_within(SEARCH_SECONDS, _fetch_total, search)

    async def compute(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.to_thread(function, *arguments, **named)


def fetch(connection: sqlite3.Connection, statement: Statement, parameters: Sequence[object]) -> Sequence[Row]:
    return connection.execute(statement.sqlite, _named(parameters)).fetchall()


def together(
    connection: sqlite3.Connection, statements: Together, parameters: Sequence[object]
) -> Mapping[str, Sequence[Row]]:
    named = _named(parameters)
    return {name: connection.execute(statement, named).fetchall() for name, statement in statements.sqlite}


def _fetch_page(connection: sqlite3.Connection, search: CompiledSearch) -> FittingRows:
    # Rows come one by one. SQLite would have to read a document to know its size, so that the reading ends here.
    rows: list[Row] = []
    size = 0
    for row in connection.execute(search.page, search.page_parameters):
        if size >= search.query.most_bytes:
            return FittingRows(rows, more=True)
        rows.append(row)
        size += len(row["document"])
    return FittingRows(rows, more=False)


def _fetch_total(connection: sqlite3.Connection, search: CompiledSearch) -> Row:
    return connection.execute(search.total, search.parameters).fetchone()


def run_step(step: Coroutine[Any, Any, T]) -> T:
    """Run a step whose session is a `WriteSession` to its end: it awaits nothing but its writer."""
    try:
        step.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    step.close()
    raise RuntimeError("a step of a transaction may await nothing but its writer")


_NAMES = tuple(map(str, range(1, 33)))


def _named(parameters: Sequence[object]) -> dict[str, object]:
    """SQLite takes `$1` from the name 1."""
    return dict(zip(_NAMES, map(_bound, parameters), strict=False))


_ENCODED: Mapping[type, Callable[[Any], object]] = {
    datetime: microseconds,
    timedelta: lambda span: span // MICROSECOND,
    list: documents.to_json,
    tuple: documents.to_json,
}


def _bound(value: object) -> object:
    encode = _ENCODED.get(type(value))
    return value if encode is None else encode(value)
