"""A listening port: a socket and the uvicorn that serves an application on it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from scim_server.port.tls_listener import Handshakes, TlsListener

_KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s after which common ingress controllers drop an idle connection, so that they do it first."""

_DRAIN_POLL_SECONDS = 0.005

_log = logging.getLogger(__name__)


class Port:
    """One listening socket with its uvicorn: bound when it is made, served from `start` to `stop`.

    `port` 0 takes a free one. `drain_seconds`: how long requests may still take after `stop`. It speaks TLS with
    `handshakes`, else plain HTTP. Raises OSError, whose `strerror` names the address, when it can't be had.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        drain_seconds: int,
        protocol: type[HttpToolsProtocol],
        handshakes: Handshakes | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=2048)
        except OSError as error:
            reason = (error.strerror or str(error)).partition(" (while")[0]
            raise OSError(error.errno, f"{host}:{port}: {reason}") from None
        address, bound = self._socket.getsockname()[:2]
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address)  # noqa: S104 - compared, not bound
        scheme = "http" if handshakes is None else "https"
        self.url = f"{scheme}://{reachable or (f'[{address}]' if ':' in address else address)}:{bound}"
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=drain_seconds,
            ),
            handshakes,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, ended: Callable[[asyncio.Task[None]], object]) -> None:
        """Return when connections are accepted, or are not going to be: `ended` is called when serving ends,
        by itself as well."""
        self._task = asyncio.create_task(self._server.serve([self._socket]))
        self._task.add_done_callback(ended)
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait((self._task, listening), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()

    def ask_to_reconnect(self) -> None:
        """From now on, end each connection with its next answer, which says so: a load balancer may send the client's
        next connection elsewhere."""
        self._server.close_after_answers()

    async def stop(self) -> None:
        """Answer what is under way, then end."""
        if self._task is None:
            self._socket.close()
        elif self._task.done() and not self._server.should_exit:  # by itself, which `ended` was told
            self._server.should_exit = True
            await self._server.shutdown([self._socket])
        else:
            self._server.ask_to_end()
            await self._task


class _Uvicorn(uvicorn.Server):
    """uvicorn that leaves signals to the program and TLS to `TlsListener`, tells when it listens, and ends without
    looking at the clock."""

    def __init__(self, config: uvicorn.Config, handshakes: Handshakes | None) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._handshakes = handshakes
        self._asked_to_end = asyncio.Event()

    def ask_to_end(self) -> None:
        self.should_exit = True
        self._asked_to_end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def close_after_answers(self) -> None:
        # The first is what uvicorn makes the second of every few seconds; answers under way look at the second.
        for headers in (self.config.encoded_headers, self.server_state.default_headers):
            headers.append((b"connection", b"close"))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._handshakes is None:
            await super().startup(sockets)
        else:
            await super().startup([])
            for listening in sockets or ():
                listener = TlsListener(listening, self._handshakes, self._make_protocol, self.ask_to_end)
                self.servers.append(listener)  # type: ignore[arg-type]
        self.listening.set()

    def _make_protocol(self) -> asyncio.Protocol:
        """As uvicorn's own, which is a local function."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def main_loop(self) -> None:
        """uvicorn's looks ten times a second whether it should end."""
        while not await self.on_tick(0):  # which writes the Date header anew
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._asked_to_end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which takes at least 0.1 s, and 0.1 s more while a connection is there."""
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - they tell no one
                    await asyncio.sleep(_DRAIN_POLL_SECONDS)
                for server in self.servers:
                    await server.wait_closed()
        except TimeoutError:
            _log.error("requests that are cut off since the time for them is over: %d", len(self.server_state.tasks))
            for task in self.server_state.tasks:
                task.cancel("the server ends")
