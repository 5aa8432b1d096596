"""Replicas that start together, and two versions of the server on one database."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from scim_server.storage.migrations import SERVER_VERSION, load
from scim_server.storage.migrations import Database as Kind
from tests.support.postgres import PostgresServer
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_REPLICAS = 4


@pytest.fixture
def connection() -> Connection:
    return Connection()


class Database:
    """An empty one, and SQL on it."""

    def __init__(self, kind: str, directory: Path, request: pytest.FixtureRequest) -> None:
        self._path = directory / "scim.db"
        self._postgres: PostgresServer | None = None
        self.url = f"sqlite:///{self._path}"
        self.kind: Kind = "postgresql" if kind == "postgres" else "sqlite"
        if kind == "postgres":
            self._postgres = request.getfixturevalue("postgres_server")
            self.url = request.getfixturevalue("postgres_dsn")

    def execute(self, statement: str) -> list[str]:
        """Rows as psql prints them."""
        if self._postgres is not None:
            name = self.url.partition("?")[0].rpartition("/")[2]
            return self._postgres.psql(statement, name).splitlines()
        with sqlite3.connect(self._path) as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return ["|".join(map(str, row)) for row in rows]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return Database(request.param, tmp_path, request)


def test_replicas_that_start_at_once_migrate_once(database: Database, tmp_path: Path, connection: Connection) -> None:
    replicas = [
        ServerProcess(tmp_path / str(number), database.url, bundle_of(connection)) for number in range(_REPLICAS)
    ]
    try:
        for replica in replicas:
            replica.launch()
        for replica in replicas:
            replica.wait_until_ready()
        versions = database.execute("SELECT version FROM schema_migrations ORDER BY version")
        assert versions == [str(migration.version) for migration in load(database.kind)]
        assert database.execute("SELECT tenant, revision FROM tenants") == ["acme/okta|1"]
    finally:
        for replica in replicas:
            replica.kill()


def test_a_schema_that_only_adds_lets_the_older_server_go_on(
    database: Database, tmp_path: Path, connection: Connection
) -> None:
    """The newer server migrates while the older one runs; both write, and the older one may start again."""
    old = ServerProcess(tmp_path / "old", database.url, bundle_of(connection))
    old.start()
    newest = load(database.kind)[-1]
    database.execute("ALTER TABLE users ADD COLUMN of_the_next_version TEXT")
    database.execute(
        f"INSERT INTO schema_migrations VALUES ({newest.version + 1}, {newest.usable_from}, 'next-version')"
    )
    try:
        for name in ("a", "b"):
            answer = httpx.post(
                f"{old.url}{connection.path}/Users",
                json={"userName": name},
                headers={"Authorization": f"Bearer {connection.token('provision')}"},
                trust_env=False,
            )
            assert answer.status_code == 201
            old.stop()
            old.start()
        assert database.execute("SELECT count(*) FROM users") == ["2"]
    finally:
        old.kill()


def test_a_schema_that_is_too_new_is_one_line_and_status_2(
    database: Database, tmp_path: Path, connection: Connection
) -> None:
    first = ServerProcess(tmp_path / "first", database.url, bundle_of(connection))
    first.start()
    first.stop()
    database.execute("INSERT INTO schema_migrations VALUES (99, 98, '7.8.9')")
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "scim_server.cli",
            "--port=0",
            "--management-port=0",
            "--management-host=127.0.0.1",
            "--database",
            database.url,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "schema 99, made by scim-server 7.8.9" in line
    assert SERVER_VERSION in line
    assert ended.stdout == ""
