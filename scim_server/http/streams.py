"""Answers that are too large to be held whole: written at the database's pace, sent at the client's.

Writing never waits for the client, so that the database connection that it holds is soon free again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scim_server.directory.output import Output
from scim_server.http.backlog import Backlog, BacklogFull
from scim_server.http.deadlines import OutOfTime, Part
from scim_server.http.exchange import exchange_in
from scim_server.http.responses import MEDIA_TYPE, ScimResponse, not_modified
from scim_server.limits.shared_room import SharedRoom
from scim_server.scim.versions import is_not_modified

_BLOCK_BYTES = 1 << 16
_OF_THE_BODY = ("content-length", "content-type")
_SEND_TIMEOUT_SECONDS = 60
"""How long a client may leave a block unread."""

_Write = Callable[[Output], Awaitable[None]]


class Streams:
    """Of one server. `most_unread`: bytes that all its clients may leave unread, half of them those of one tenant."""

    def __init__(self, most_unread: int) -> None:
        self._room = SharedRoom(most_unread)

    def answer(self, write: _Write, status: int = 200, if_none_match: str | None = None) -> Response:
        """What `write` writes. An error that it raises before anything was sent is answered like any other."""
        return _Streamed(write, self._room, status, if_none_match)

    def counted(self, answer: ScimResponse) -> Response:
        """The answer, which counts like what is written piece by piece where it is large."""
        body = bytes(answer.body)
        if len(body) < _BLOCK_BYTES:
            return answer

        async def write(out: Output) -> None:
            for start in range(0, len(body), _BLOCK_BYTES):
                out.write(body[start : start + _BLOCK_BYTES])

        headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_BODY}
        return _Streamed(write, self._room, answer.status_code, None, headers)


class _Streamed(Response):
    def __init__(
        self,
        write: _Write,
        room: SharedRoom,
        status: int,
        if_none_match: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=status)
        self._own_headers = dict(headers or {})
        self._write = write
        self._room = room
        self._if_none_match = if_none_match

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with _Outgoing(
            self.status_code, self._if_none_match, self._room, scope, receive, send, self._own_headers
        ) as outgoing:
            await self._write(outgoing)


class _Outgoing:
    """`Output` to a client. Sent whole, with a length, when it is small; else in blocks.

    An error of the block `async with` after the first block was sent cuts the connection off, so that the client
    can't take a part for the whole. So does a client that doesn't read: OutOfTime.
    """

    def __init__(
        self,
        status: int,
        if_none_match: str | None,
        room: SharedRoom,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[str, str],
    ) -> None:
        self._status = status
        self._if_none_match = if_none_match
        self._scope, self._receive, self._send = scope, receive, send
        self._headers = headers
        self._unchanged = False
        self._block = bytearray()
        self._backlog = Backlog(room, exchange_in(scope).tenant)
        self._sending: asyncio.Task[None] | None = None

    def begin(self, location: str, tag: str, *, tag_covers_all: bool) -> bool:
        self._headers = {"Location": location, "ETag": tag}
        self._unchanged = tag_covers_all and is_not_modified(self._if_none_match, tag)
        return not self._unchanged

    def write(self, piece: bytes) -> None:
        self._block += piece
        if len(self._block) < _BLOCK_BYTES:
            return
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_blocks())
        elif self._sending.done():
            self._sending.result()  # it failed: it can't have come to an end before `end`
        try:
            self._backlog.put(bytes(self._block))
        except BacklogFull:
            raise OutOfTime(Part.ANSWER) from None
        self._block.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._finish()
        finally:
            if self._sending is not None:
                self._sending.cancel()
                await asyncio.gather(self._sending, return_exceptions=True)  # its error is known or of no interest
            self._backlog.drop()

    async def _finish(self) -> None:
        if self._unchanged:
            await not_modified(self._headers)(self._scope, self._receive, self._send)
        elif self._sending is None:
            whole = Response(bytes(self._block), self._status, self._headers, MEDIA_TYPE)
            await whole(self._scope, self._receive, self._send)
        else:
            self._backlog.end()
            await self._sending

    async def _send_blocks(self) -> None:
        head = Response(status_code=self._status, headers=self._headers, media_type=MEDIA_TYPE)
        raw = [(name, value) for name, value in head.raw_headers if name != b"content-length"]
        await self._send({"type": "http.response.start", "status": self._status, "headers": raw})
        while (block := await self._backlog.take()) is not None:
            try:
                async with asyncio.timeout(_SEND_TIMEOUT_SECONDS):
                    await self._send({"type": "http.response.body", "body": block, "more_body": True})
            except TimeoutError:
                raise OutOfTime(Part.ANSWER) from None
        await self._send({"type": "http.response.body", "body": bytes(self._block)})
