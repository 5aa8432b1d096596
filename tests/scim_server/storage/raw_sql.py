"""SQL past the server, on either database."""

import sqlite3
from collections.abc import Sequence
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
