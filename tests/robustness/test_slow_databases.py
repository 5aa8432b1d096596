"""A database that doesn't answer: requests end with 503 in time, and the server goes on by itself afterwards."""

import asyncio
import time

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from scim_server.http.deadlines import TimeLimits
from scim_server.http.protection import RequestLimits
from scim_server.storage.protocol import Writer
from tests.robustness.stored_state import read_state
from tests.support.postgres import PostgresServer, StartPostgres
from tests.support.serving import Connection, bundle_of, client_of
from tests.support.tcp_proxy import TcpProxy
from tests.support.until import until

_WORK_SECONDS = 1.0


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def postgres(start_postgres: StartPostgres) -> PostgresServer:
    return start_postgres(tcp=True)


def settings(database: str) -> ServerSettings:
    limits = RequestLimits(times=TimeLimits(work=_WORK_SECONDS))
    return ServerSettings(database, port=0, management_port=0, limits=limits)


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["status"] == "503"


async def test_a_network_that_stops(postgres: PostgresServer, connection: Connection) -> None:
    assert postgres.tcp_port is not None
    async with TcpProxy(postgres.tcp_port) as proxy:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
        async with Server(settings(url)) as server, client_of(server.url, connection) as provider:
            await server.intake.offer(bundle_of(connection), "test")
            assert await server.applier.wait_applied(1, 10)
            assert (await provider.post("/Users", json={"userName": "before"})).status_code == 201
            proxy.freeze()
            asked = time.monotonic()
            answers = await asyncio.gather(
                *(provider.post("/Users", json={"userName": f"u{number}"}) for number in range(10)),
                *(provider.get("/Users") for _ in range(10)),
            )
            # The time for the work, and that for rolling back and releasing a connection that doesn't answer.
            assert time.monotonic() - asked < _WORK_SECONDS + 12
            for answer in answers:
                assert_unavailable(answer)
            proxy.thaw()
            await until(lambda: server.storage.usage().in_use == 0)
            after = await provider.post("/Users", json={"userName": "after"})
            assert after.status_code == 201
            found = {user["userName"] for user in (await provider.get("/Users")).json()["Resources"]}
            assert {"before", "after"} <= found
        (await read_state(postgres.dsn(), connection.key)).assert_whole(connection.tenant())


async def test_metrics_of_a_network_that_stops(postgres: PostgresServer, connection: Connection) -> None:
    """Whoever watches the server wants to see it all the more, sooner than Prometheus gives up (10 s)."""
    assert postgres.tcp_port is not None
    async with TcpProxy(postgres.tcp_port) as proxy:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
        async with Server(settings(url)) as server, httpx.AsyncClient(base_url=server.management_url) as watcher:
            await server.intake.offer(bundle_of(connection), "test")
            assert await server.applier.wait_applied(1, 10)
            proxy.freeze()
            scrapes = await asyncio.gather(*(watcher.get("/metrics", timeout=10) for _ in range(3)))
            assert [scrape.status_code for scrape in scrapes] == [200, 200, 200]
            proxy.thaw()


async def test_a_lock_that_is_held_too_long(postgres: PostgresServer, connection: Connection) -> None:
    """The one who waits is told to come back, and gets nobody else into trouble."""
    async with Server(settings(postgres.dsn())) as server, client_of(server.url, connection) as provider:
        await server.intake.offer(bundle_of(connection), "test")
        assert await server.applier.wait_applied(1, 10)
        user = (await provider.post("/Users", json={"userName": "ada"})).json()["id"]
        holding, enough = asyncio.Event(), asyncio.Event()

        async def hold(writer: Writer) -> None:
            await writer.lock_user(user)
            holding.set()
            await enough.wait()

        holder = asyncio.create_task(server.storage.write(connection.key, hold))
        await holding.wait()
        rename = {"Operations": [{"op": "replace", "path": "title", "value": "Countess"}]}
        waiting = [asyncio.create_task(provider.patch(f"/Users/{user}", json=rename)) for _ in range(3)]
        assert (await provider.post("/Users", json={"userName": "eve"})).status_code == 201
        assert (await provider.get(f"/Users/{user}")).status_code == 200
        for answer in await asyncio.gather(*waiting):
            assert_unavailable(answer)
        enough.set()
        await holder
        assert (await provider.patch(f"/Users/{user}", json=rename)).json()["title"] == "Countess"
