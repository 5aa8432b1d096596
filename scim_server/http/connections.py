"""Connections of a port: how many, and how long a request's head may take.

uvicorn bounds neither the time nor the size of a head, nor the number of connections: a few thousand idle or
creeping clients would keep everybody else out. Errors before there is a request are SCIM bodies as well.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from scim_server.http.deadlines import client_gone
from scim_server.http.responses import MEDIA_TYPE, RETRY_AFTER_SECONDS
from scim_server.scim.errors import ScimError


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    most: int = 2000
    """Open at once. When there are more, the one that has waited longest for a request is closed; when each of them
    has a request under way, the new one is turned away with 503."""
    head_seconds: float = 20.0
    """From the first byte of a request, or from the connection on, to the end of its head."""
    head_bytes: int = 64 << 10
    """A bearer token with many groups in it has up to 16 KiB."""


def limited_protocol(limits: ConnectionLimits, refused: Callable[[str], None]) -> type[HttpToolsProtocol]:
    """A protocol for `uvicorn.Config(http=…)`: for one port, whose connections it counts.

    `refused` is called with `connections`, `slow_head` or `large_head` for each connection that is ended for that.
    """

    class LimitedProtocol(HttpToolsProtocol):
        _head_timer: asyncio.TimerHandle | None = None
        _in_head = False
        _head_bytes = 0
        _head_bytes_at_most = 0
        _head_is_too_large = False
        _had_request = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.most:
                refused("connections")
                if not waiting:
                    self._turn_away(ScimError(503, "the server has too many connections"))
                    return
                next(iter(waiting)).drop()
            waiting[self] = None
            self._start_head_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_is_over()
            super().connection_lost(exc)
            if self._had_request and not self.cycle.response_complete:
                client_gone(self.cycle.scope)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            if self in waiting:
                self._start_head_timer()
            self._head_bytes_at_most = self._head_bytes + len(data)
            super().data_received(data)
            if self._in_head and not self.transport.is_closing():
                self._head_bytes += len(data)
                if self._head_bytes > limits.head_bytes:
                    self._turn_large_head_away()

        def on_message_begin(self) -> None:
            self._in_head = True
            self._head_bytes = 0
            super().on_message_begin()

        def on_header(self, name: bytes, value: bytes) -> None:
            # Trailers, which come after a chunked body, would be taken for headers of the request.
            if self._in_head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            # One that arrives at once, together with its end.
            if self._head_bytes_at_most > limits.head_bytes and self._size_of_head() > limits.head_bytes:
                self._head_is_too_large = True
                raise ValueError("the head is too large")  # ends the parser, which asks for an answer 400
            self._in_head = False
            self._head_is_over()
            super().on_headers_complete()
            if self.scope["method"] != "HEAD":  # whose answer is a head alone
                self.cycle.transport = _HeadWithBody(self.transport, self.cycle)
            self._had_request = True

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.cycle.response_complete:  # no further request is under way
                waiting[self] = None

        def send_400_response(self, msg: str) -> None:
            if self._head_is_too_large:
                self._turn_large_head_away()
            else:
                self._turn_away(ScimError(400, "this isn't a valid HTTP request, or its method isn't known"))

        def timeout_keep_alive_handler(self) -> None:
            self.drop()

        def drop(self) -> None:
            """Close without waiting for a client that doesn't read."""
            self._head_is_over()
            self.transport.abort()

        def _head_is_over(self) -> None:
            waiting.pop(self, None)
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _size_of_head(self) -> int:
            """Without the method and the version."""
            return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

        def _turn_large_head_away(self) -> None:
            refused("large_head")
            self._turn_away(ScimError(431, f"the request's head is larger than {limits.head_bytes} bytes"))

        def _start_head_timer(self) -> None:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(limits.head_seconds, self._head_took_too_long)

        def _head_took_too_long(self) -> None:
            refused("slow_head")
            self.drop()

        def _turn_away(self, error: ScimError) -> None:
            if self._had_request and not self.cycle.response_complete:
                self.drop()  # in the middle of an earlier answer
                return
            self._head_is_over()
            body = orjson.dumps(error.body())
            retry = f"retry-after: {RETRY_AFTER_SECONDS}\r\n" if error.status == 503 else ""
            head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n{retry}connection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[error.status] + head.encode("ascii") + body)
            self.transport.close()

    waiting: dict[LimitedProtocol, None] = {}  # in the order since when they wait for a request
    return LimitedProtocol


class _HeadWithBody(asyncio.Transport):
    """Where a request's answer is written: its head leaves together with the first part of its body.

    As ASGI wants it, and in one packet instead of two.
    """

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        super().__init__()
        self._transport = transport
        self._cycle = cycle
        self._head: bytes | None = None
        self._head_has_left = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._head_has_left or not self._cycle.response_started:  # before that there may be a `100 Continue`
            self._transport.write(data)
        elif self._head is None:
            self._head = bytes(data)
        else:
            self._head_has_left = True
            self._transport.writelines((self._head, data) if data else (self._head,))

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
