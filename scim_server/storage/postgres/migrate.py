"""Bringing a database to the newest schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scim_server.storage.migrations import (
    CREATE_LEDGER,
    NEWEST,
    SERVER_VERSION,
    Applied,
    Migration,
    load,
    pending,
    require_newest,
)
from scim_server.storage.postgres.connection import OpenConnection

_ASK_AGAIN_SECONDS = 0.1
_LOCK = 0x5C1_3A7_0BE  # any number that nothing else on the database uses

# What a crash has left of an index that was made concurrently. Nobody else makes one now.
_UNFINISHED_INDEXES = """
    SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace
"""


async def migrate(connection: OpenConnection, guard: OpenConnection) -> None:
    """Apply what is missing, one replica at a time. Raises `SchemaTooNew`.

    `guard` holds the lock of who migrates in a transaction of its own, because an index can't be made concurrently in
    one, and a lock of the session is none behind a pooler.
    """
    known = load("postgresql")
    async with _alone(guard):
        await connection.execute(CREATE_LEDGER)
        for migration in pending(known, await _newest(connection)):
            await _apply(connection, migration)


async def check_schema(connection: OpenConnection) -> None:
    """That it is the newest one. Raises `StorageUnusable`."""
    has_ledger = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
    require_newest(load("postgresql"), await _newest(connection) if has_ledger else None)


async def _newest(connection: OpenConnection) -> Applied | None:
    row = await connection.fetchrow(NEWEST)
    return None if row is None else Applied(*row)


@asynccontextmanager
async def _alone(guard: OpenConnection) -> AsyncIterator[None]:
    """Asks again and again: a statement that waits has a snapshot, for whose end a concurrent index would wait."""
    while True:
        async with transaction(guard):
            if await _may_migrate(guard):
                yield
                return
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


@asynccontextmanager
async def transaction(connection: OpenConnection) -> AsyncIterator[None]:
    async with connection.transaction():
        if connection.settings_of_transaction:
            await connection.execute(connection.settings_of_transaction)
        yield


async def _may_migrate(guard: OpenConnection) -> bool:
    answer = await guard.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK)
    # The snapshot of a statement whose rows were fetched is kept until the next one that is only executed.
    await guard.execute("SELECT 1")
    return bool(answer)


async def _apply(connection: OpenConnection, migration: Migration) -> None:
    match migration.manner:
        case "alone":
            for (index,) in await connection.fetch(_UNFINISHED_INDEXES):
                await connection.execute(f"DROP INDEX {index}")
            # It waits for transactions that began before, without keeping others waiting.
            if not connection.settings_of_transaction:  # else there is none of the session
                await connection.execute("SET lock_timeout = 0")
            await connection.execute(*migration.statements)
            if not connection.settings_of_transaction:
                await connection.execute("RESET lock_timeout")
        case "in batches":
            while await connection.execute(*migration.statements) != "UPDATE 0":
                pass
    async with transaction(connection):
        if migration.manner == "together":
            for statement in migration.statements:
                await connection.execute(statement)
        await connection.execute(
            "INSERT INTO schema_migrations (version, usable_from, server) VALUES ($1, $2, $3)",
            migration.version,
            migration.usable_from,
            SERVER_VERSION,
        )
