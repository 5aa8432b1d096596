"""A network between a client and a server that fails when a test says so."""

import asyncio
from typing import Self

_CHUNK = 1 << 16


class TcpProxy:
    """Listens on 127.0.0.1 and passes everything on to `port` there."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = asyncio.Event()
        self._open.set()
        self._fatal: bytes | None = None
        self._links: set[asyncio.Task[None]] = set()
        self.lost = asyncio.Event()
        """Set when an answer has been lost as `lose_answer_to` asked for."""

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def freeze(self) -> None:
        """Let nothing through in either direction, with connections left open, as a network partition does."""
        self._open.clear()

    def thaw(self) -> None:
        self._open.set()

    def lose_answer_to(self, request: bytes) -> None:
        """Once: pass on the next data from a client that has `request` in it, then close instead of answering."""
        self._fatal = request

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        link = asyncio.create_task(self._link(client, to_client))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _link(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the server is away: the client sees its connection end
            to_client.transport.abort()
            return
        losing = asyncio.Event()
        ways = [
            asyncio.create_task(self._questions(client, to_server, losing)),
            asyncio.create_task(self._answers(server, to_client, losing)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_client.transport.abort()
            to_server.transport.abort()

    async def _questions(
        self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        while data := await client.read(_CHUNK):
            await self._open.wait()
            if self._fatal is not None and self._fatal in data:
                self._fatal = None
                losing.set()
            to_server.write(data)
            await to_server.drain()

    async def _answers(
        self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        while data := await server.read(_CHUNK):
            await self._open.wait()
            if losing.is_set():
                self.lost.set()
                return
            to_client.write(data)
            await to_client.drain()
