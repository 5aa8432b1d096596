"""SQL past the server, on either database."""

import sqlite3

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
