"""The PostgreSQL that the other tests stand on."""

import stat
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.support.postgres import PostgresServer, StartPostgres


@pytest.fixture
def durable_server(start_postgres: StartPostgres) -> PostgresServer:
    return start_postgres(durable=True, tcp=True)


async def test_each_test_has_an_empty_database(postgres_server: PostgresServer, postgres_dsn: str) -> None:
    other = postgres_server.create_database()
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE TABLE users (id int)")
    await connection.close()

    assert connection.get_server_version().major == 18
    assert postgres_server.psql("SELECT count(*) FROM pg_tables WHERE tablename = 'users'", other) == "0"
    postgres_server.drop_database(other)


def test_folders_that_were_there_keep_their_rights(run_directory: Path) -> None:
    """Under root too, where the server runs as another account."""
    there = run_directory / "sticky"
    there.mkdir()
    there.chmod(0o1777)
    server = PostgresServer(there / "a" / "b")
    assert stat.S_IMODE(there.stat().st_mode) == 0o1777
    server.start()
    server.stop()


async def test_a_commit_survives_a_killed_and_a_crashed_server(durable_server: PostgresServer) -> None:
    ends: list[Callable[[], None]] = [durable_server.kill, durable_server.crash, durable_server.stop]
    durable_server.psql("CREATE TABLE ends (name text)")
    for end in ends:
        connection = await asyncpg.connect(durable_server.tcp_dsn())
        await connection.execute("INSERT INTO ends VALUES ($1)", end.__name__)
        end()
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await connection.fetchval("SELECT 1")
        durable_server.start()
    assert durable_server.psql("SELECT name FROM ends ORDER BY name") == "crash\nkill\nstop"
    assert durable_server.psql("SHOW fsync") == "on"
