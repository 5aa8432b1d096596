"""The PostgreSQL database that is copied to: empty before, and in one transaction."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from scim_server.storage.copying.tables import Table
from scim_server.storage.errors import StorageUnusable
from scim_server.storage.postgres.connection import OpenConnection

_AT_ONCE = 1000

_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""


class Target:
    def __init__(self, connection: OpenConnection) -> None:
        self._connection = connection

    async def columns(self) -> Mapping[str, Mapping[str, str]]:
        """By table, the columns with their types."""
        found: dict[str, dict[str, str]] = {}
        for table, column, type_ in await self._connection.fetch(_COLUMNS):
            found.setdefault(table, {})[column] = type_
        return found

    async def take_empty(self, tables: Sequence[str]) -> None:
        """So that nobody else writes until the end. Raises `StorageUnusable` naming the tables that have rows."""
        await self._connection.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        filled = [
            table for table in tables if await self._connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})")
        ]
        if filled:
            raise StorageUnusable(
                f"the target is not empty: {', '.join(filled)} have rows. An empty database is expected"
            )
        for table in ("users", "groups"):  # totals are copied, and counting one by one takes long
            await self._connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")

    async def insert(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        await self._connection.copy_records_to_table(
            table.name, records=rows, columns=(*table.columns, *table.computed)
        )

    async def rows(self, table: Table) -> AsyncIterator[Sequence[Any]]:
        statement = f"SELECT {', '.join(table.columns)} FROM {table.name}"
        async for row in self._connection.cursor(statement, prefetch=_AT_ONCE):
            yield tuple(row)

    async def finish(self) -> None:
        await self._connection.execute(
            "SELECT setval('event_positions', greatest(1, (SELECT max(position) FROM events)))"
        )
        for table in ("users", "groups"):
            await self._connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
