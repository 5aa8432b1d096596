"""Bringing a database to the newest schema."""

import asyncpg

from scim_server.storage.migrations import CREATE_LEDGER, SERVER_VERSION, Applied, load, pending

_LOCK = 0x5C1_3A7_0BE  # any number that nothing else on the database uses


async def migrate(connection: asyncpg.Connection) -> None:
    """Apply what is missing, one replica at a time. Raises `SchemaTooNew`."""
    known = load(__package__)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(CREATE_LEDGER)
        row = await connection.fetchrow(
            "SELECT version, usable_from, server FROM schema_migrations ORDER BY version DESC LIMIT 1"
        )
        for migration in pending(known, None if row is None else Applied(*row)):
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, usable_from, server) VALUES ($1, $2, $3)",
                migration.version,
                migration.usable_from,
                SERVER_VERSION,
            )
