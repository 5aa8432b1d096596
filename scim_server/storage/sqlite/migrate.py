"""Bringing a file to the newest schema."""

import sqlite3

from scim_server.storage.migrations import (
    CREATE_LEDGER,
    NEWEST,
    SERVER_VERSION,
    Applied,
    load,
    pending,
    require_newest,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, all or nothing, one process at a time. Raises `SchemaTooNew`.

    Nobody else works on the file, so what PostgreSQL does alone or in batches is done within the transaction.
    """
    known = load("sqlite")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        connection.execute(CREATE_LEDGER)
        for migration in pending(known, _newest(connection)):
            for statement in migration.statements:
                while connection.execute(statement).rowcount > 0 and migration.manner == "in batches":
                    pass
            connection.execute(
                "INSERT INTO schema_migrations (version, usable_from, server) VALUES (?, ?, ?)",
                (migration.version, migration.usable_from, SERVER_VERSION),
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def check_schema(connection: sqlite3.Connection) -> None:
    """That it is the newest one. Raises `StorageUnusable`."""
    has_ledger = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone()
    require_newest(load("sqlite"), _newest(connection) if has_ledger else None)


def _newest(connection: sqlite3.Connection) -> Applied | None:
    row = connection.execute(NEWEST).fetchone()
    return None if row is None else Applied(*row)
