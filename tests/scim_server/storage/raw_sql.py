"""SQL past the server, on either database."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from scim_server.storage.urls import sqlite_path


async def execute(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url))
        connection.execute(statement)
        connection.commit()
        connection.close()
    else:
        session = await asyncpg.connect(url)
        await session.execute(statement)
        await session.close()


async def fetch(url: str, statement: str) -> Sequence[tuple[Any, ...]]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url))
        rows = [*map(tuple, connection.execute(statement))]
        connection.close()
        return rows
    session = await asyncpg.connect(url)
    rows = [*map(tuple, await session.fetch(statement))]
    await session.close()
    return rows


async def tables_of_tenants(url: str) -> Sequence[str]:
    """Those with a column `tenant`."""
    if url.startswith("sqlite"):
        found = await fetch(
            url,
            "SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c"
            " WHERE t.type = 'table' AND c.name = 'tenant'",
        )
    else:
        found = await fetch(
            url,
            "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)"
            " WHERE column_name = 'tenant' AND table_type = 'BASE TABLE'",
        )
    return sorted(name for (name,) in found)


async def columns_of_tables(url: str) -> Mapping[str, set[str]]:
    """Of every table of the database, but for what it keeps of itself."""
    if url.startswith("sqlite"):
        query = (
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
            " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        )
    else:
        query = (
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables"
            " USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
    found: dict[str, set[str]] = {}
    for table, column in await fetch(url, query):
        found.setdefault(table, set()).add(column)
    return found
