"""What `POST /Users` is compared with: the least that a FastAPI handler can do and still store a user durably.

It parses the body, makes an id, runs one INSERT in autocommit, and answers 201 with what it stored: with asyncpg on
PostgreSQL, with aiosqlite (WAL, synchronous=FULL) on SQLite.
"""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiosqlite
import asyncpg
import orjson
from fastapi import FastAPI, Request, Response

DATABASE_VARIABLE = "BARE_HANDLER_DATABASE"
"""Name of the environment variable that holds the database's URL, as `scim-server --database` takes it."""

Insert = Callable[[uuid.UUID, str], Awaitable[object]]

_CONNECTIONS = 16


@asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[Insert]:
    async with asyncpg.create_pool(url, min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool:
        await pool.execute("CREATE TABLE bare_users (id uuid PRIMARY KEY, document json NOT NULL)")

        async def insert(user_id: uuid.UUID, document: str) -> object:
            return await pool.execute("INSERT INTO bare_users (id, document) VALUES ($1, $2)", user_id, document)

        yield insert


@asynccontextmanager
async def _sqlite(url: str) -> AsyncIterator[Insert]:
    async with aiosqlite.connect(url.removeprefix("sqlite:///"), isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = FULL")
        await connection.execute("CREATE TABLE bare_users (id TEXT PRIMARY KEY, document TEXT NOT NULL)")

        async def insert(user_id: uuid.UUID, document: str) -> object:
            return await connection.execute_insert("INSERT INTO bare_users VALUES (?, ?)", (str(user_id), document))

        yield insert


@asynccontextmanager
async def _database(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ[DATABASE_VARIABLE]
    async with (_sqlite if url.startswith("sqlite:") else _postgresql)(url) as insert:
        app.state.insert = insert
        yield


app = FastAPI(lifespan=_database)


@app.post("/Users")
async def create_user(request: Request) -> Response:
    document = orjson.loads(await request.body())
    user_id = uuid.uuid4()
    document["id"] = str(user_id)
    text = orjson.dumps(document)
    await request.app.state.insert(user_id, text.decode())
    return Response(text, 201, media_type="application/scim+json")
