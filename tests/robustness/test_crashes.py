"""`kill -9` of the server and of PostgreSQL under writes: every 2xx is there afterwards, nothing is half applied."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.robustness.impatient_client import ImpatientClient
from tests.robustness.load import Writers
from tests.robustness.stored_state import read_state
from tests.support.postgres import PostgresServer, StartPostgres
from tests.support.processes import wait_until
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_WRITERS = 8
_CRASHES = 2


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def durable_postgres(start_postgres: StartPostgres) -> PostgresServer:
    return start_postgres(durable=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/scim.db"
    server: PostgresServer = request.getfixturevalue("durable_postgres")
    return server.dsn()


@pytest.fixture
def server(tmp_path: Path, url: str, connection: Connection) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path / "server", url, bundle_of(connection))
    process.start()
    yield process
    process.kill()


@asynccontextmanager
async def writing(server: ServerProcess, url: str, connection: Connection) -> AsyncIterator[Writers]:
    """Writers; at the end all that they were told is compared with what is stored."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                ImpatientClient(server.url, connection, first_patience=10, chance=random.Random(number))
            )
            for number in range(_WRITERS)
        ]
        answer = await clients[0].request("POST", "/Groups", json={"displayName": "App Admins"})
        group = answer.json()["id"]
        writers = Writers(clients, group)
        writers.start()
        stack.callback(writers.cancel)
        yield writers
        await writers.written(10)
        await writers.stop()
    state = await read_state(url, connection.key)
    writers.acknowledged.assert_kept(state, group)
    state.assert_whole(connection.tenant())


def status_of(url: str) -> int:
    """0: it doesn't answer."""
    try:
        return httpx.get(url, trust_env=False, timeout=10).status_code
    except httpx.TransportError:
        return 0


async def test_the_server_is_killed(server: ServerProcess, url: str, connection: Connection) -> None:
    chance = random.Random(7)
    async with writing(server, url, connection) as writers:
        for _ in range(_CRASHES):
            await writers.written(chance.randrange(20, 120))
            server.kill()
            server.start()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("how", ["immediate", "killed"])
async def test_postgresql_dies(
    how: str, server: ServerProcess, durable_postgres: PostgresServer, url: str, connection: Connection
) -> None:
    """The server lives on: 503 while the database is away, and what is ready says so; then it goes on by itself."""
    ready, users = f"{server.management_url}/readyz", f"{server.url}{connection.path}/Users"
    headers = {"Authorization": f"Bearer {connection.token('provision')}"}
    async with writing(server, url, connection) as writers:
        for _ in range(2):
            await writers.written(60)
            (durable_postgres.crash if how == "immediate" else durable_postgres.kill)()
            assert status_of(ready) == 503
            assert status_of(f"{server.management_url}/livez") == 200
            async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=10) as client:
                refused = await client.post(users, json={"userName": "nobody@acme.com"})
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            assert refused.json()["status"] == "503"
            durable_postgres.start()
            await asyncio.to_thread(wait_until, lambda: status_of(ready) == 200, seconds=20, what="readiness")


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_both_die_at_once(
    server: ServerProcess, durable_postgres: PostgresServer, url: str, connection: Connection
) -> None:
    async with writing(server, url, connection) as writers:
        await writers.written(60)
        durable_postgres.kill()
        server.kill()
        server.launch()  # before its database is there
        wait_until(lambda: status_of(f"{server.management_url}/livez") == 200, seconds=20, what="an answer")
        assert status_of(f"{server.management_url}/readyz") == 503
        durable_postgres.start()
        server.wait_until_ready()
