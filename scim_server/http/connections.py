"""Connections of a port: how many, what of a client waits, and how long a head may take or an answer lie unread.

uvicorn bounds neither the time nor the size of a head, nor the number of connections, nor what a client sends before
it has read the answers: a few clients would keep everybody else out. Errors before there is a request are SCIM bodies
as well.
"""

import asyncio
from collections.abc import Callable, Collection, Sized
from dataclasses import dataclass
from functools import partial

import httptools
import orjson
from starlette.types import ASGIApp
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from scim_server.http.deadlines import client_gone, let_cut_off
from scim_server.http.offers import head_without_offer
from scim_server.http.responses import MEDIA_TYPE, RETRY_AFTER_SECONDS
from scim_server.scim.errors import ScimError

_PIECE_BYTES = 1024
"""What a parser gets at once. It can't be stopped within, and reads at most 64 requests in it: about 150 KB of memory
for one client. The rest of what has arrived, up to 256 KB, waits as bytes until they are answered."""

_FAREWELL_SECONDS = 1.0
"""How long a server that ends waits for an idle client to end the TLS connection too."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    most: int = 2000
    """Open at once. When there are more, the one that has waited longest for a request is closed; else one whose
    client leaves answers unread or sends requests before it has the answer; when there is none, the new one's request
    is turned away with 503."""
    head_seconds: float = 20.0
    """From the first byte of a request, or from the connection on, to the end of its head."""
    head_bytes: int = 64 << 10
    """A bearer token with many groups in it has up to 16 KiB."""
    unread_seconds: float = 60.0
    """How long a client may read nothing of what is there for it."""
    probes: Collection[str] = frozenset()
    """Paths that aren't turned away."""


def limited_protocol(limits: ConnectionLimits, refused: Callable[[str], None]) -> type[HttpToolsProtocol]:
    """A protocol for `uvicorn.Config(http=…)`: for one port, whose connections it counts.

    `refused` is called with `connections`, `slow_head`, `large_head` or `slow_answer` for each connection that is
    ended for that.
    """

    class LimitedProtocol(HttpToolsProtocol):
        _answered: RequestResponseCycle | None = None
        """The request that is answered at present, or that was answered last."""
        _rest = b""
        """What isn't parsed yet, while requests before it wait."""
        _refusal: ScimError | None = None
        """Of what can't be read: its turn comes after the requests before it."""
        _is_beyond = False
        """One connection too many."""
        _is_offer = False
        """Whether the parser stops at the head that it has read."""
        _in_head = False
        _head_bytes = 0
        """Of the head that is not complete yet, and at most a piece of what came before."""
        _head_timer: asyncio.TimerHandle | None = None
        _unread_timer: asyncio.TimerHandle | None = None

        # What the transport tells

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.flow = _Flow(transport, self.pipeline)
            if not close_others(self):
                self._is_beyond = True
                if len(self.connections) > 2 * limits.most:
                    self._turn_away_as_too_many()
                    return
            waiting[self] = None
            self._start_head_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            self._rest = b""
            self.pipeline.clear()
            super().connection_lost(exc)
            self._unset_keepalive_if_required()
            if self._answered is not None and not self._answered.response_complete:
                self._answered.disconnected = True
                self._answered.message_event.set()
                client_gone(self._answered.scope)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing() or self._refusal is not None:
                return
            self._unset_keepalive_if_required()
            if self in waiting:
                self._start_head_timer()
            self._read(self._rest + data if self._rest else data)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._note_crowding()
            if self._unread_timer is None:
                self._watch_unread()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._note_crowding()
            if not self.transport.is_closing():
                self._end_watch()

        # What the parser tells

        def on_message_begin(self) -> None:
            self._in_head = True
            self._head_bytes = 0
            super().on_message_begin()

        def on_header(self, name: bytes, value: bytes) -> None:
            # Trailers, which come after a chunked body, would be taken for headers of the request.
            if self._in_head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            """What it raises ends the parser, and with it the connection: see `_parse`."""
            if self._head_bytes + _PIECE_BYTES > limits.head_bytes and self._size_of_head() > limits.head_bytes:
                raise self._too_large()
            if self.parser.should_upgrade():
                if self.parser.get_method() == b"CONNECT":
                    raise ValueError("this is no proxy")
                self._is_offer = True
                return
            if self._is_beyond and not self._fits():
                raise ScimError(503, "the server has too many connections")
            self._in_head = False
            self._head_is_over()
            super().on_headers_complete()
            let_cut_off(self.scope, partial(_cut_off, self.transport, self.cycle))  # type: ignore[arg-type]

        def on_message_complete(self) -> None:
            if not self._is_offer:  # else it is only the stopped parser's
                super().on_message_complete()

        # What uvicorn tells

        def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
            self._answered = cycle
            super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.transport.is_closing():
                if self in self.connections:
                    self._wait_until_read()
                return
            if self._rest and not self.pipeline:
                rest, self._rest = self._rest, b""
                self._read(rest)
            self.flow.resume_reading()
            if self in crowding:
                self._note_crowding()
            if self._is_under_way():
                return
            if self._refusal is not None:
                self._turn_away(self._refusal)
                return
            waiting[self] = None
            if self._in_head:
                self._start_head_timer()

        def timeout_keep_alive_handler(self) -> None:
            if self.transport.get_write_buffer_size() == 0:
                self.drop()
            else:
                self._wait_until_read()

        def shutdown(self) -> None:
            super().shutdown()
            if self.scheme == "https" and self.transport.is_closing():
                self.loop.call_later(_FAREWELL_SECONDS, self._leave)

        # What follows from it

        def _leave(self) -> None:
            if self.transport.get_write_buffer_size() == 0:
                self.drop()

        def drop(self) -> None:
            """Close without waiting for a client that doesn't read."""
            self._forget()
            self.connections.discard(self)
            self.transport.abort()

        def _read(self, data: bytes) -> None:
            for begin in range(0, len(data), _PIECE_BYTES):
                if self.pipeline:
                    self._rest = data[begin:]
                    return
                if not self._parse(data[begin : begin + _PIECE_BYTES]):
                    return

        def _parse(self, piece: bytes) -> bool:
            """False when the connection ends here."""
            left = piece
            while True:
                try:
                    self.parser.feed_data(left)
                except httptools.HttpParserUpgrade as stopped:
                    (position,) = stopped.args
                    try:
                        left = self._head_without_offer() + left[position:]
                    except ValueError:
                        return self._refuse(_not_http())
                    self.parser = _new_parser(self)
                    self._is_offer = False
                except httptools.HttpParserError as error:
                    cause = error.__context__
                    return self._refuse(cause if isinstance(cause, ScimError) else _not_http())
                else:
                    break
            if self._in_head:
                self._head_bytes += len(piece)
                if self._head_bytes > limits.head_bytes + _PIECE_BYTES:
                    return self._refuse(self._too_large())
            if self.pipeline:
                self._note_crowding()
            return True

        def _head_without_offer(self) -> bytes:
            return head_without_offer(
                self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers
            )

        def _is_under_way(self) -> bool:
            """Whether a request is answered at present. Those in the pipeline come after it."""
            return self._answered is not None and not self._answered.response_complete

        def _refuse(self, error: ScimError) -> bool:
            """Answer what came whole, then `error`, then close."""
            self._rest = b""
            if not self._is_under_way():
                self._turn_away(error)
            elif self.cycle.more_body and self.cycle is self._answered:
                self.drop()  # its own body can't be read
            else:
                if self.cycle.more_body and self.pipeline:
                    self.pipeline.popleft()  # the newest, whose body it is
                self._refusal = error
            return False

        def _turn_away(self, error: ScimError) -> None:
            if error.status == 431:
                refused("large_head")
            elif error.status == 503:
                refused("connections")
            self._head_is_over()
            body = orjson.dumps(error.body())
            retry = f"retry-after: {RETRY_AFTER_SECONDS}\r\n" if error.status == 503 else ""
            head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n{retry}connection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[error.status] + head.encode("ascii") + body)
            self.transport.close()
            self._wait_until_read()

        def _turn_away_as_too_many(self) -> None:
            self._turn_away(ScimError(503, "the server has too many connections"))

        def _fits(self) -> bool:
            if close_others(self):
                self._is_beyond = False
                return True
            return httptools.parse_url(self.url).path.decode("ascii") in limits.probes

        def _wait_until_read(self) -> None:
            """Close when the client has read all, stops reading, or another connection needs its place."""
            waiting[self] = None
            self._unset_keepalive_if_required()
            if self._unread_timer is None:
                self._watch_unread()

        def _watch_unread(self, before: int | None = None) -> None:
            self._unread_timer = None
            unread = self.transport.get_write_buffer_size()
            if unread and unread == before:
                refused("slow_answer")
                self.drop()
            elif unread or self.transport.is_closing():
                self._unread_timer = self.loop.call_later(limits.unread_seconds, self._watch_unread, unread)
            elif self in waiting:
                self.drop()

        def _end_watch(self) -> None:
            if self._unread_timer is not None:
                self._unread_timer.cancel()
                self._unread_timer = None

        def _note_crowding(self) -> None:
            if self.pipeline or self.flow.write_paused:
                crowding.setdefault(self)
            else:
                crowding.pop(self, None)

        def _forget(self) -> None:
            self._head_is_over()
            crowding.pop(self, None)
            self._end_watch()

        def _head_is_over(self) -> None:
            waiting.pop(self, None)
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _size_of_head(self) -> int:
            """Without the method and the version."""
            return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

        def _too_large(self) -> ScimError:
            return ScimError(431, f"the request's head is larger than {limits.head_bytes} bytes")

        def _start_head_timer(self) -> None:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(limits.head_seconds, self._head_took_too_long)

        def _head_took_too_long(self) -> None:
            refused("slow_head")
            self.drop()

    def close_others(new: LimitedProtocol) -> bool:
        """Close connections until `new` is not too many. Returns False if none of them may be closed."""
        while len(new.connections) > limits.most:
            one = next((one for candidates in (waiting, crowding) for one in candidates if one is not new), None)
            if one is None:
                return False
            refused("connections")
            one.drop()
        return True

    waiting: dict[LimitedProtocol, None] = {}
    """Those without a request under way, in the order since when."""
    crowding: dict[LimitedProtocol, None] = {}
    """Those whose clients leave answers unread or send further requests before they have them, since when."""
    return LimitedProtocol


def _not_http() -> ScimError:
    return ScimError(400, "this isn't a valid HTTP request, or its method isn't known")


def _new_parser(protocol: HttpToolsProtocol) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
    return parser


class _Flow(FlowControl):
    """Reads on only when no request waits for the answers to those before it."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        if self.read_paused and not self._pipeline:
            super().resume_reading()


def _cut_off(transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
    cycle.disconnected = True
    transport.abort()
