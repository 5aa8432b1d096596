"""A client that closes its connection in the middle of a request: what it asked for is not done behind its back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from tests.robustness.impatient_client import add_member
from tests.support.serving import Connection, bundle_of, client_of
from tests.support.storages import writing
from tests.support.until import until


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture(params=["sqlite", "postgresql"])
async def server(request: pytest.FixtureRequest, tmp_path: Path, connection: Connection) -> AsyncIterator[Server]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/scim.db" if sqlite else request.getfixturevalue("postgres_dsn")
    async with Server(ServerSettings(url, port=0, management_port=0)) as server:
        await server.intake.offer(bundle_of(connection), "test")
        assert await server.applier.wait_applied(1, 10)
        yield server


@pytest.fixture
async def provider(server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(server.url, connection) as client:
        yield client


async def test_a_change_that_was_given_up_is_not_made_later(
    server: Server, provider: httpx.AsyncClient, connection: Connection
) -> None:
    user = (await provider.post("/Users", json={"userName": "ada@acme.com"})).json()["id"]
    group = (await provider.post("/Groups", json={"displayName": "Staff"})).json()["id"]
    async with writing(server.storage, connection.key, lambda writer: writer.lock_group(group)):
        held = server.storage.usage().in_use

        def only_the_holder_is_left() -> bool:
            usage = server.storage.usage()
            return (usage.in_use, usage.waiting) == (held, 0)

        for _ in range(20):  # more than there are connections to the database
            with pytest.raises(httpx.ReadTimeout):
                await provider.patch(f"/Groups/{group}", json={"Operations": [add_member(user)]}, timeout=0.05)
        await until(only_the_holder_is_left)
    assert (await provider.get(f"/Groups/{group}")).json()["members"] == []
    async with client_of(server.management_url) as prometheus:
        text = (await prometheus.get("/metrics")).text
    (line,) = [
        line for line in text.splitlines() if line.startswith("scim_requests_total") and 'status="499"' in line
    ]
    assert line.endswith(" 20.0")
    assert 'route="/Groups/{id}"' in line


async def test_a_body_that_never_comes_whole_changes_nothing(server: Server, connection: Connection) -> None:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {connection.path}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {connection.token('provision')}"
        '\r\nContent-Length: 1000\r\n\r\n{"userName": "ada@acme.com"}'.encode()
    )
    await writer.drain()
    writer.transport.abort()
    async with client_of(server.url, connection) as provider:
        assert (await provider.get("/Users")).json()["totalResults"] == 0
