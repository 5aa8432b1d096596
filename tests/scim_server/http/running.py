"""Servers of tests that aren't about what is stored: on SQLite, with limits and a clock of the test's choice."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from scim_server.app import Server, ServerSettings
from scim_server.config import ConfigBundle, ServerConfig, ServerSecrets, Tenant
from scim_server.logs import LogFormat, request_log
from tests.support.migrated import make_sqlite
from tests.support.serving import TLS

TOKEN_KEY = bytes(range(32))


@asynccontextmanager
async def running(directory: Path, bundle: ConfigBundle, **settings: Any) -> AsyncIterator[Server]:
    """A server that runs `bundle`. `settings`: of `ServerSettings`."""
    path = directory / "scim.db"
    database = f"sqlite:///{path}" if path.exists() else make_sqlite(path)
    fixed: dict[str, Any] = {"database": database, "port": 0, "management_port": None}
    async with Server(ServerSettings(**(fixed | settings))) as server:
        await server.intake.offer(bundle, "test")
        assert await server.applier.wait_applied(bundle.revision, 10)
        yield server


def bundle_of_tenants(*tenants: Tenant, digests: Mapping[str, str] | None = None, revision: int = 1) -> ConfigBundle:
    secrets = ServerSecrets(revision=revision, token_key=TOKEN_KEY.hex(), digests=dict(digests or {}))
    return ConfigBundle.of(ServerConfig(revision=revision, tenants=tenants), secrets)


@asynccontextmanager
async def client(
    server: Server, authorization: str | None = None, **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole public port."""
    own = {"Authorization": authorization} if authorization is not None else {}
    async with httpx.AsyncClient(
        base_url=server.url, headers=own | headers, timeout=60, trust_env=False, verify=TLS
    ) as one:
        yield one


def refusals(server: Server, reason: str) -> float:
    """What the metrics count for `reason`."""
    return server.metrics.registry.get_sample_value("scim_refused_requests_total", {"reason": reason}) or 0.0


@contextmanager
def request_lines() -> Iterator[list[dict[str, Any]]]:
    """The log lines of requests that end meanwhile."""
    lines: list[dict[str, Any]] = []

    class _Lines:
        def write(self, line: str) -> None:
            lines.append(json.loads(line))

        def flush(self) -> None:
            pass

    request_log.configure(_Lines(), LogFormat.JSON)
    try:
        yield lines
    finally:
        request_log.configure(None, LogFormat.JSON)


class Connection:
    """Bytes, as a client sends them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, text: str) -> None:
        self._writer.write(text.encode())
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of the next answer."""
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        return int(head.split()[1]), json.loads(await self._reader.readexactly(length))

    async def may_continue(self) -> bool:
        """Whether the server asks for the body, as `Expect: 100-continue` has it wait for."""
        return (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 100 ")

    async def ended(self) -> bool:
        """Whether the server ends the connection without a further answer."""
        try:
            return await asyncio.wait_for(self._reader.read(), 10) == b""
        except ConnectionResetError:
            return True


@asynccontextmanager
async def connected(server: Server, *, management: bool = False) -> AsyncIterator[Connection]:
    """To the public port, or to the management port."""
    url = server.management_url if management else server.url
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
