"""PostgreSQL goes away and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from tests.scim_server.http.test_errors import assert_scim_error
from tests.scim_server.http.test_users import create
from tests.support.postgres import PostgresServer, StartPostgres
from tests.support.serving import Connection, bundle_of, client_of


@pytest.fixture
def own_postgres(start_postgres: StartPostgres) -> PostgresServer:
    return start_postgres(durable=True)


@pytest.fixture
async def own_server(own_postgres: PostgresServer) -> AsyncIterator[Server]:
    settings = ServerSettings(database=own_postgres.dsn(), port=0, management_port=0)
    async with Server(settings) as server:
        yield server


async def answered(client: httpx.AsyncClient, path: str, wanted: Callable[[httpx.Response], bool]) -> httpx.Response:
    """The first answer that is wanted; the others are asked for again, as a provider does."""
    deadline = time.monotonic() + 30
    while True:
        answer = await client.get(path)
        if wanted(answer):
            return answer
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.05)


def found(answer: httpx.Response) -> bool:
    return answer.status_code == 200


async def test_unavailable_until_it_is_back(
    own_postgres: PostgresServer, own_server: Server, connection: Connection
) -> None:
    await own_server.intake.offer(bundle_of(connection), "test")
    async with client_of(own_server.url, connection) as provider, client_of(own_server.management_url) as kubelet:
        user = await create(provider, "ada@acme.com")
        await asyncio.to_thread(own_postgres.crash)
        for answer in (
            await provider.get("/Users"),
            await provider.get(f"/Users/{user['id']}"),
            await provider.get("/Groups"),
            await provider.post("/Users", json={"userName": "b@acme.com"}),
        ):
            assert_scim_error(answer, 503)
            assert answer.headers["retry-after"].isdecimal()
        assert (await provider.get("/Users", headers={"Authorization": "Bearer x"})).status_code == 401
        assert (await kubelet.get("/livez")).status_code == 200
        assert (await kubelet.get("/readyz")).status_code == 503
        await asyncio.to_thread(own_postgres.start)
        await answered(kubelet, "/readyz", found)
        assert (await answered(provider, f"/Users/{user['id']}", found)).json() == user
        await create(provider, "b@acme.com")


async def test_a_configuration_that_comes_meanwhile_is_applied_later(
    own_postgres: PostgresServer, own_server: Server, connection: Connection
) -> None:
    await own_server.intake.offer(bundle_of(connection), "test")
    assert await own_server.applier.wait_applied(1, 10)
    await asyncio.to_thread(own_postgres.crash)
    await own_server.intake.offer(bundle_of(connection, revision=2), "test")
    assert not await own_server.applier.wait_applied(2, 0.5)
    await asyncio.to_thread(own_postgres.start)
    assert await own_server.applier.wait_applied(2, 30)


async def test_a_server_that_starts_first_waits_for_its_database(
    own_postgres: PostgresServer, connection: Connection
) -> None:
    await asyncio.to_thread(own_postgres.stop)
    async with Server(ServerSettings(database=own_postgres.dsn(), port=0, management_port=0)) as server:
        async with client_of(server.management_url) as kubelet:
            assert (await kubelet.get("/livez")).status_code == 200
            assert (await kubelet.get("/readyz")).status_code == 503
            await asyncio.to_thread(own_postgres.start)
            await answered(kubelet, "/readyz", lambda answer: answer.json() == {"reason": "no configuration yet"})
        await server.intake.offer(bundle_of(connection), "test")
        async with client_of(server.url, connection) as provider:
            await answered(provider, "/Users", found)
