"""A database of either kind: filled, dumped, loaded. What differs between the kinds is here."""

import sqlite3
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from scim_server.folding import fold
from tests.support.postgres import PostgresServer


class Database(Protocol):
    kind: str
    url: str

    def pass_time(self, span: timedelta) -> None:
        """Make everything that is stored older by `span`. Nobody may have the database open."""
        ...

    def dump(self) -> str: ...

    def load(self, dump: str) -> None:
        """Into an empty database."""
        ...


class SqliteDatabase:
    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"

    def pass_time(self, span: timedelta) -> None:
        microseconds = span // timedelta(microseconds=1)
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.create_function("fold", 1, fold, deterministic=True)  # a trigger's
            for table, column in _TIMES_OF_SQLITE:
                connection.execute(f"UPDATE {table} SET {column} = {column} - ?", (microseconds,))

    def dump(self) -> str:
        with closing(sqlite3.connect(self._path)) as connection:
            return "\n".join(connection.iterdump()) + "\n"

    def load(self, dump: str) -> None:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.executescript(dump)


_TIMES_OF_SQLITE = (
    ("users", "created"),
    ("users", "modified"),
    ("users", "blocked_at"),
    ("groups", "created"),
    ("groups", "modified"),
    ("user_roles", "since"),
    ("tenants", "departed"),
    ("tenants", "erase_at"),
    ("tenants", "returned"),
    ("credential_uses", "used"),
)
"""Plain numbers there: which columns are times can't be read from the schema."""


class PostgresDatabase:
    kind = "postgresql"

    def __init__(self, server: PostgresServer, name: str) -> None:
        self._server = server
        self._name = name
        self.url = server.dsn(name)

    def pass_time(self, span: timedelta) -> None:
        columns = self._server.psql(
            "SELECT table_name || ' ' || column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'timestamp with time zone'",
            self._name,
        )
        for line in columns.splitlines():
            table, column = line.split()
            statement = f"UPDATE {table} SET {column} = {column} - interval '{span.total_seconds()} seconds'"
            self._server.psql(statement, self._name)

    def dump(self) -> str:
        """As INSERT statements, which psql and every driver understand."""
        command = ["pg_dump", "--dbname", self.url, "--no-owner", "--no-privileges", "--inserts"]
        return self._run(command, "")

    def load(self, dump: str) -> None:
        self._run(["psql", self.url, "-Xq", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"], dump)

    def _run(self, command: list[str], stdin: str) -> str:
        program, *arguments = command
        ended = subprocess.run(
            [self._server.programs / program, *arguments], check=False, input=stdin, capture_output=True, text=True
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{program}: exit status {ended.returncode}\n{ended.stderr}")
        return ended.stdout
