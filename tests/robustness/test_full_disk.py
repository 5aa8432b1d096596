"""A disk that is full, or a database that may only be read: 503, nothing half written, and on it goes."""

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.robustness.stored_state import read_state
from tests.support.postgres import StartPostgres
from tests.support.processes import wait_until
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def provider(connection: Connection) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {connection.token('provision')}"}
    with httpx.Client(headers=headers, trust_env=False, timeout=20) as client:
        yield client


def status_of_creation(provider: httpx.Client, users: str, name: str) -> int:
    answer = provider.post(users, json={"userName": name, "title": "x" * 10_000, "emails": [{"value": name}]})
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) > 0
    return answer.status_code


def test_sqlite_can_write_no_more(tmp_path: Path, connection: Connection, provider: httpx.Client) -> None:
    """The kernel refuses to let any file of the server grow."""
    url = f"sqlite:///{tmp_path}/scim.db"
    server = ServerProcess(tmp_path / "server", url, bundle_of(connection))
    server.start()
    users = f"{server.url}{connection.path}/Users"
    try:
        assert status_of_creation(provider, users, "before@acme.com") == 201
        unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        limit = (tmp_path / "scim.db-wal").stat().st_size + 300_000
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, unlimited[1]))
        statuses = [status_of_creation(provider, users, f"u{number}@acme.com") for number in range(20)]
        assert set(statuses) == {201, 503}
        assert statuses[-1] == 503
        assert provider.get(users).json()["totalResults"] == 1 + statuses.count(201)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        assert status_of_creation(provider, users, "after@acme.com") == 201
        server.kill()
        server.start()
        assert provider.get(users).json()["totalResults"] == 2 + statuses.count(201)
        asyncio.run(read_state(url, connection.key)).assert_whole(connection.tenant())
    finally:
        server.kill()


def test_postgresql_may_only_be_read(
    tmp_path: Path, start_postgres: StartPostgres, connection: Connection, provider: httpx.Client
) -> None:
    """As a standby is during a fail-over, or a managed database whose disk is nearly full."""
    postgres = start_postgres()
    server = ServerProcess(tmp_path / "server", postgres.dsn(), bundle_of(connection))
    server.start()
    users = f"{server.url}{connection.path}/Users"
    try:
        assert status_of_creation(provider, users, "before@acme.com") == 201
        postgres.psql("ALTER SYSTEM SET default_transaction_read_only = on")
        postgres.psql("SELECT pg_reload_conf()")
        wait_until(
            lambda: status_of_creation(provider, users, "meanwhile@acme.com") in (503, 409), seconds=10, what="503"
        )
        assert status_of_creation(provider, users, "other@acme.com") == 503
        assert provider.get(users).status_code == 200
        postgres.psql("ALTER SYSTEM RESET default_transaction_read_only")
        postgres.psql("SELECT pg_reload_conf()")
        wait_until(
            lambda: status_of_creation(provider, users, "after@acme.com") in (201, 409), seconds=10, what="recovery"
        )
        asyncio.run(read_state(postgres.dsn(), connection.key)).assert_whole(connection.tenant())
    finally:
        server.kill()
