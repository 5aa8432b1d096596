"""PostgreSQL's primary dies and its standby takes over: nothing acknowledged is lost, and no server is restarted."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from tests.support.postgres import REPLICATED, PostgresServer, StartPostgres
from tests.support.processes import wait_until
from tests.support.serving import Connection, bundle_of, client_of

_BACK_WITHIN_SECONDS = 10.0
_NEVER_SECONDS = 300
_ALL_STANDBYS = "ALTER SYSTEM SET synchronous_standby_names = '*'"


@pytest.fixture
def primary(start_postgres: StartPostgres) -> PostgresServer:
    return start_postgres(tcp=True, settings=REPLICATED)


@pytest.fixture
def standby(primary: PostgresServer, start_postgres: StartPostgres) -> PostgresServer:
    """Each commit waits for it."""
    started = start_postgres(tcp=True, settings=REPLICATED, primary=primary)
    primary.psql(_ALL_STANDBYS)  # on this one alone: the other is no primary with a standby later
    primary.psql("SELECT pg_reload_conf()")
    wait_until(lambda: _sync_state(primary) == "sync", seconds=60, what="replication", log=started.log)
    return started


def _sync_state(primary: PostgresServer) -> str:
    return primary.psql("SELECT sync_state FROM pg_stat_replication")


@pytest.fixture
async def provider(primary: PostgresServer, standby: PostgresServer) -> AsyncIterator[httpx.AsyncClient]:
    """Of a server that knows both."""
    connection = Connection()
    hosts = f"127.0.0.1:{primary.tcp_port},127.0.0.1:{standby.tcp_port}"
    settings = ServerSettings(f"postgresql://postgres@{hosts}/postgres", port=0, management_port=None)
    async with Server(settings) as server:
        await server.intake.offer(bundle_of(connection), "test")
        assert await server.applier.wait_applied(1, 60)
        async with client_of(server.url, connection) as client:
            yield client


async def test_a_standby_takes_over(
    primary: PostgresServer, standby: PostgresServer, provider: httpx.AsyncClient
) -> None:
    acknowledged: set[str] = set()
    refused: list[httpx.Response] = []
    ending = asyncio.Event()
    written, failed, back = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def write(worker: int) -> None:
        number = 0
        while not ending.is_set():
            name = f"user-{worker}-{number}"
            number += 1
            answer = await provider.post("/Users", json={"userName": name, "active": True})
            if answer.status_code == 201:
                acknowledged.add(name)
                written.set()
                if failed.is_set():
                    back.set()
            else:
                refused.append(answer)
                failed.set()
                await asyncio.sleep(0.05)

    writers = [asyncio.create_task(write(worker)) for worker in range(4)]
    async with asyncio.timeout(_NEVER_SECONDS):  # a writer that breaks sets nothing
        await written.wait()
        await asyncio.to_thread(primary.kill)
        await failed.wait()
        before = len(acknowledged)
        await asyncio.to_thread(standby.promote)
        promoted = time.monotonic()
        await back.wait()
        outage = time.monotonic() - promoted
    ending.set()
    await asyncio.gather(*writers)

    print(f"back {outage:.2f} s after the promotion")
    assert outage < _BACK_WITHIN_SECONDS
    assert len(acknowledged) > before > 0
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    kept = {
        name
        for name in acknowledged
        if (await provider.get("/Users", params={"filter": f'userName eq "{name}"'})).json()["totalResults"] == 1
    }
    assert kept == acknowledged
