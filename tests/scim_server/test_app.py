"""A server whose parts fail: it ends as a whole, and closes what there is to close."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from scim_server.app import Server, ServerFailed, ServerSettings
from scim_server.port import Port
from scim_server.storage.errors import StorageUnavailable


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(database=f"sqlite:///{tmp_path}/scim.db", port=0, management_port=0)


@pytest.fixture
def failing_port(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """The web server under a port fails with what a test puts in under the port's URL."""
    failures: dict[str, Exception] = {}
    on_tick = uvicorn.Server.on_tick

    async def tick(web_server: Any, counter: int) -> bool:
        host, port = web_server.servers[0].sockets[0].getsockname() if web_server.servers[0].sockets else ("", 0)
        if failure := failures.get(f"http://{host}:{port}"):
            raise failure
        return await on_tick(web_server, counter)

    monkeypatch.setattr(uvicorn.Server, "on_tick", tick)
    return failures


async def is_closed(server: Server) -> bool:
    try:
        await server.storage.ping()
    except StorageUnavailable:
        return True
    return False


@pytest.mark.parametrize("which", ["url", "management_url"])
async def test_a_port_that_fails_ends_the_server(
    settings: ServerSettings, failing_port: dict[str, Exception], which: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Server(settings) as server:
        urls = [server.url, server.management_url]
        failed = getattr(server, which)
        failing_port[failed] = RuntimeError("of the web server")
        with pytest.raises(ServerFailed, match=f"the port {failed}: RuntimeError"):
            await server.wait()
    assert [record.levelname for record in caplog.records if "the server ends" in record.message] == ["CRITICAL"]
    assert await is_closed(server)
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in urls:
            with pytest.raises(httpx.ConnectError):
                await client.get(url)


async def test_the_database_is_closed_whatever_a_port_does(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(port: Port) -> None:
        await original(port)
        raise RuntimeError("of the port")

    original = Port.stop
    server = Server(settings)
    await server.start()
    monkeypatch.setattr(Port, "stop", stop)
    with pytest.raises(RuntimeError, match="of the port"):
        await server.stop()
    assert await is_closed(server)


async def test_a_stop_does_not_wait_for_a_database_that_does_not_open(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(settings)
    opening, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_another_replica() -> None:
        opening.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(server.storage, "open", wait_for_another_replica)
    starting = asyncio.create_task(server.start())
    await opening.wait()
    server.ask_to_stop()
    async with asyncio.timeout(10):
        await starting
        await server.wait()
        assert ended.is_set()
        await server.stop()
