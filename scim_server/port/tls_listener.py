"""TLS on a listening socket: connections are counted from the first byte on, not from the end of their handshake.

The event loop's own servers give each handshake a minute, and don't bound their number: strangers who connect and say
nothing would use up the process's open files.
"""

import asyncio
import contextlib
import logging
import socket
import string
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from scim_server.port.certificate import Certificate
from scim_server.scim.errors import ScimError

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.5
"""After a connection could not be accepted: the process has no open file left."""
_SHUTDOWN_SECONDS = 60.0
"""For the client to take what is left of the last answer, and to end the connection too."""
_METHOD_BEGINS = string.ascii_uppercase.encode()


@dataclass(frozen=True, slots=True)
class Handshakes:
    """Of a port with TLS. `refused` is called with `connections`, `slow_handshake` or `plain_http` for each
    connection that is ended for that."""

    certificate: Certificate
    most: int
    """Under way at once. When there are more, the one that has lasted longest is ended."""
    seconds: float
    """From the connection on."""
    refused: Callable[[str], None]


class TlsListener:
    """Accepts connections of `listening` until `close`; those whose handshake is done get a protocol each.

    Its methods are those that uvicorn wants of a server of the event loop. `ended` is called when it accepts no more.
    """

    def __init__(
        self,
        listening: socket.socket,
        handshakes: Handshakes,
        make_protocol: Callable[[], asyncio.Protocol],
        ended: Callable[[], None],
    ) -> None:
        self._listening = listening
        self._rules = handshakes
        self._make_protocol = make_protocol
        self._ended = ended
        self._under_way: dict[asyncio.Task[None], None] = {}
        """In the order of their beginnings."""
        listening.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())
        self._accepting.add_done_callback(self._accepts_no_more)

    def close(self) -> None:
        self._accepting.cancel()
        for task in self._under_way:
            task.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(self._accepting, *self._under_way, return_exceptions=True)

    def _accepts_no_more(self, accepting: asyncio.Task[None]) -> None:
        if not accepting.cancelled():
            _log.critical("no more connections are accepted", exc_info=accepting.exception())
        self._ended()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listening)
            except ConnectionError:  # of a client that has gone again
                continue
            except OSError as error:
                _log.warning("a connection can't be accepted: %s", error.strerror)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if len(self._under_way) >= self._rules.most:
                oldest = next(iter(self._under_way))
                del self._under_way[oldest]
                oldest.cancel()
                self._rules.refused("connections")
            task = asyncio.create_task(self._shake_hands(connection))
            self._under_way[task] = None
            task.add_done_callback(lambda done: self._under_way.pop(done, None))

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(self._rules.seconds):
                if await self._begins_tls(connection):
                    await asyncio.get_running_loop().connect_accepted_socket(
                        self._make_protocol,
                        connection,
                        ssl=self._rules.certificate.context(),
                        ssl_handshake_timeout=self._rules.seconds,
                        ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
                    )
        except TimeoutError:
            self._rules.refused("slow_handshake")
        except OSError:
            pass  # The client has gone, or doesn't accept the certificate, or speaks no TLS that the server does.

    async def _begins_tls(self, connection: socket.socket) -> bool:
        """Whether the client's first byte, which stays in the socket, may be that of a handshake. Else `connection`
        is closed, and so it is when this is cancelled."""
        with contextlib.ExitStack() as closing:
            closing.callback(connection.close)
            first = await _first_byte(connection)
            if first and first not in _METHOD_BEGINS:
                closing.pop_all()
                return True
            if first:
                self._rules.refused("plain_http")
                await _answer_plain_http(connection)
            return False


async def _first_byte(connection: socket.socket) -> bytes:
    """Empty when the client has gone."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    while True:
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            readable.clear()
            loop.add_reader(connection, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(connection)


async def _answer_plain_http(connection: socket.socket) -> None:
    error = ScimError(400, "this port speaks HTTPS, and this is a request in plain HTTP")
    body = orjson.dumps(error.body())
    head = (
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/scim+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    connection.recv(1 << 16)  # What is left unread would have the system withdraw the answer.
    await asyncio.get_running_loop().sock_sendall(connection, head.encode("ascii") + body)
    connection.shutdown(socket.SHUT_WR)
