"""Answers: always `application/scim+json`, errors always as SCIM bodies."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.scim.errors import ScimError

MEDIA_TYPE = "application/scim+json"
RETRY_AFTER_SECONDS = 5
"""What an answer 503 asks for: about the time a database needs to fail over."""

_SEND_TIMEOUT_SECONDS = 60
"""How long a client may leave a streamed answer unread: meanwhile it holds a database connection."""
_CHUNK_BYTES = 1 << 16


class ScimResponse(Response):
    """A JSON document."""

    media_type = MEDIA_TYPE

    def __init__(self, document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(document, option=orjson.OPT_UTC_Z), status, dict(headers) if headers else None)


class Streamed(Response):
    """An answer that is written while the database is read: `write` is an ASGI application.

    Errors that it raises before it has sent anything are answered like any other.
    """

    def __init__(self, write: ASGIApp) -> None:
        super().__init__()
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._write(scope, receive, send)


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    return Response(status_code=204, headers=dict(headers) if headers else None)


def error_response(error: ScimError, headers: Mapping[str, str] | None = None) -> Response:
    """The body of RFC 7644 §3.12."""
    return ScimResponse(error.body(), error.status, headers)


def not_authenticated() -> Response:
    """The same bytes for every reason, and the schemes that some tenant or other may use (RFC 9110 §11.6.1)."""
    error = ScimError(401, "A valid credential of this tenant is expected in the header Authorization.")
    return error_response(error, {"WWW-Authenticate": 'Bearer realm="scim", Basic realm="scim", charset="UTF-8"'})


def too_often(detail: str, wait_seconds: int) -> Response:
    """RFC 6585 §4."""
    return error_response(ScimError(429, detail), {"Retry-After": str(wait_seconds)})


def unavailable(detail: str) -> Response:
    return error_response(ScimError(503, detail), {"Retry-After": str(RETRY_AFTER_SECONDS)})


async def send_pieces(
    pieces: AsyncIterator[bytes], scope: Scope, receive: Receive, send: Send, status: int, headers: Mapping[str, str]
) -> None:
    """Send a document that comes in pieces: whole, with a length, when it is small; else chunked.

    An error of `pieces` before 64 KiB leaves nothing sent; after that the connection is cut off, so that the
    client can't take a part for the whole. Raises TimeoutError when the client doesn't read.
    """
    buffer = bytearray()
    started = False
    async for piece in pieces:
        buffer += piece
        if len(buffer) < _CHUNK_BYTES:
            continue
        if not started:
            started = True
            head = Response(status_code=status, headers=dict(headers), media_type=MEDIA_TYPE)
            raw = [(name, value) for name, value in head.raw_headers if name != b"content-length"]
            await send({"type": "http.response.start", "status": status, "headers": raw})
        async with asyncio.timeout(_SEND_TIMEOUT_SECONDS):
            await send({"type": "http.response.body", "body": bytes(buffer), "more_body": True})
        buffer.clear()
    if started:
        await send({"type": "http.response.body", "body": bytes(buffer)})
    else:
        await Response(bytes(buffer), status, dict(headers), MEDIA_TYPE)(scope, receive, send)
