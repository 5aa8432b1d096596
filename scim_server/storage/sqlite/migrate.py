"""Bringing a file to the newest schema."""

import sqlite3

from scim_server.storage.migrations import CREATE_LEDGER, SERVER_VERSION, Applied, load, pending


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, all or nothing, one process at a time. Raises `SchemaTooNew`."""
    known = load(__package__)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        connection.execute(CREATE_LEDGER)
        row = connection.execute(
            "SELECT version, usable_from, server FROM schema_migrations ORDER BY version DESC LIMIT 1"
        ).fetchone()
        for migration in pending(known, None if row is None else Applied(*row)):
            for statement in _statements(migration.sql):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migrations (version, usable_from, server) VALUES (?, ?, ?)",
                (migration.version, migration.usable_from, SERVER_VERSION),
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(sql: str) -> list[str]:
    """One by one, because `executescript` would commit the transaction."""
    statements, current = [], ""
    for line in sql.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
