"""Bringing a file to the newest schema."""

import sqlite3

from scim_server.storage.migrations import CREATE_LEDGER, SERVER_VERSION, Applied, load, pending


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, all or nothing, one process at a time. Raises `SchemaTooNew`.

    Nobody else works on the file, so what PostgreSQL does alone or in batches is done within the transaction.
    """
    known = load("sqlite")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        connection.execute(CREATE_LEDGER)
        row = connection.execute(
            "SELECT version, usable_from, server FROM schema_migrations ORDER BY version DESC LIMIT 1"
        ).fetchone()
        for migration in pending(known, None if row is None else Applied(*row)):
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
