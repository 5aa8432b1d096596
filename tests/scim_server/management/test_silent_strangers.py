"""The management port, all of whose connections are held by clients that say nothing."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from scim_server.app import Server
from tests.support.serving import MANAGEMENT_HEADERS, Connection, bundle_of, client_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

SILENT = 100
"""As many as the port has connections."""
BEGUN = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"


async def silent(url: str, sent: bytes) -> asyncio.StreamWriter:
    host, _, port = url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    return writer


@pytest.mark.parametrize("sent", [b"", BEGUN, BEGUN + b"\r\n"], ids=["nothing", "half a head", "one request"])
async def test_probes_and_the_operator_are_answered(server: Server, sent: bytes) -> None:
    writers = [await silent(server.management_url, sent) for _ in range(SILENT)]
    try:
        async with AsyncExitStack() as clients:
            for _ in range(3):
                kubelet = await clients.enter_async_context(client_of(server.management_url))
                operator = await clients.enter_async_context(
                    client_of(server.management_url, headers=MANAGEMENT_HEADERS)
                )
                assert (await kubelet.get("/livez")).status_code == 200
                assert (await kubelet.get("/readyz")).status_code == 200
                assert (await operator.get("/v1/status")).status_code == 200
        assert await server.intake.offer(bundle_of(Connection(), revision=2), "test")
    finally:
        for writer in writers:
            writer.close()


async def test_metrics_are_made_once_for_all_who_wait(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    text = server.metrics.text

    def counted() -> bytes:
        nonlocal made
        made += 1
        return text()

    monkeypatch.setattr(server.metrics, "text", counted)
    request = BEGUN + b"\r\n"
    pipelined = 20
    readers = []
    async with AsyncExitStack() as closing:
        for _ in range(SILENT // 2):
            host, _, port = server.management_url.removeprefix("http://").rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            closing.callback(writer.close)
            writer.write(request * pipelined)
            readers.append(reader)
        async with asyncio.timeout(60):
            for reader in readers:
                for _ in range(pipelined):
                    head = await reader.readuntil(b"\r\n\r\n")
                    await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    assert made < pipelined * len(readers) / 4
