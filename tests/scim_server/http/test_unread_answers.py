"""Clients that don't read their answers: they are cut off without another word, and make room for others."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.app import Server
from scim_server.http.connections import ConnectionLimits, limited_protocol
from scim_server.http.deadlines import TimeLimits
from scim_server.http.protection import RequestLimits
from scim_server.port import Port
from tests.scim_server.http.running import Connection, bundle_of_tenants, connected, refusals, running
from tests.support.until import until

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

_MOST = 5
_FOR_EVER = 3600.0


@asynccontextmanager
async def stranger(url: str, request: str) -> AsyncIterator[asyncio.StreamWriter]:
    """Sends `request` without end, as far as the server takes it, and reads nothing."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
    _, writer = await asyncio.open_connection(sock=connection, limit=1)

    async def flood() -> None:
        while True:
            writer.write(f"GET {request} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 100)
            await writer.drain()

    flooding = asyncio.create_task(flood())
    try:
        yield writer
    finally:
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        writer.transport.abort()


@asynccontextmanager
async def port_of(app: ASGIApp, refused: list[str], limits: ConnectionLimits) -> AsyncIterator[Port]:
    port = Port(app, "127.0.0.1", 0, 1, limited_protocol(limits, refused.append))
    await port.start(lambda _: None)
    yield port
    await port.stop()


async def answer(port: Port, path: str) -> bytes:
    """The first line."""
    host, _, number = port.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(number))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    try:
        return (await asyncio.wait_for(reader.readline(), 30)).split()[1]
    finally:
        writer.close()


async def large_answers(scope: Scope, receive: Receive, send: Send) -> None:
    size = 5 if scope["path"] == "/livez" else 20 << 20
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    for _ in range(size // 5 // 4096 or 1):
        await send({"type": "http.response.body", "body": b"x" * min(5 * 4096, size), "more_body": True})
    await send({"type": "http.response.body", "body": b"x" * (size % (5 * 4096) if size > 5 else 0)})


async def test_who_reads_nothing_is_cut_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limits = ConnectionLimits(unread_seconds=0.5)
    async with (
        running(tmp_path, bundle_of_tenants(), connections=limits) as server,
        stranger(server.url, "/x") as writer,
    ):
        await until(lambda: refusals(server, "slow_answer") == 1, 60)
        await until(writer.is_closing, 60)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_is_out_of_time_while_writing_is_never_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits = RequestLimits(times=TimeLimits(work=0.5))
    async with (
        running(tmp_path, bundle_of_tenants(), limits=limits, connections=ConnectionLimits(most=1)) as server,
        stranger(server.url, "/x"),
    ):
        await until(lambda: refusals(server, "slow_answer") == 1, 60)
        assert refusals(server, "slow_work") == 0
        assert (await another(server))[0] == 404
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["answer cut off"]


async def another(server: Server) -> tuple[int, object]:
    async with connected(server) as new:
        await new.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        return await new.answer()


async def test_who_does_not_read_makes_room(tmp_path: Path) -> None:
    refused: list[str] = []
    limits = ConnectionLimits(most=_MOST, head_seconds=_FOR_EVER, unread_seconds=_FOR_EVER)
    async with port_of(large_answers, refused, limits) as port, AsyncExitStack() as stack:
        for _ in range(_MOST):
            await stack.enter_async_context(stranger(port.url, "/large"))
        for _ in range(3 * _MOST):
            assert await answer(port, "/livez") == b"200"
            await stack.enter_async_context(stranger(port.url, "/large"))


async def test_who_closes_and_does_not_read_is_cut_off() -> None:
    refused: list[str] = []
    limits = ConnectionLimits(unread_seconds=0.5)
    async with port_of(large_answers, refused, limits) as port:
        host, _, number = port.url.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(number), limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await until(lambda: "slow_answer" in refused, 60)
        writer.transport.abort()


async def test_probes_are_answered_while_everybody_is_busy() -> None:
    refused: list[str] = []
    enough = asyncio.Event()
    busy = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/livez":
            busy.append(scope)
            await enough.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    limits = ConnectionLimits(most=_MOST, probes=frozenset({"/livez"}))
    async with port_of(app, refused, limits) as port, AsyncExitStack() as stack:
        host, _, number = port.url.removeprefix("http://").rpartition(":")
        for _ in range(_MOST):
            _, writer = await asyncio.open_connection(host, int(number))
            stack.callback(writer.close)
            writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(busy) == _MOST, 30)
        for _ in range(2):
            assert await answer(port, "/livez?x=1") == b"204"
            assert await answer(port, "/x") == b"503"
        enough.set()


async def test_a_slow_reader_that_goes_on_reading_gets_the_whole_answer() -> None:
    """Which the server has written long before."""
    whole = b"x" * (8 << 20)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        length = b"%d" % len(whole)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": whole})

    async with port_of(app, [], ConnectionLimits(unread_seconds=2)) as port, one_connection(port) as one:
        await one.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = 0
        for _ in range(6):
            await asyncio.sleep(0.6)
            received += len(await one.read(1 << 20))
        received += len(await one.read())
        assert received > len(whole)


class _Reading(Connection):
    async def read(self, size: int = -1) -> bytes:
        return await (self._reader.readexactly(size) if size > 0 else self._reader.read())


@asynccontextmanager
async def one_connection(port: Port) -> AsyncIterator[_Reading]:
    host, _, number = port.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(number))
    yield _Reading(reader, writer)
    writer.close()
