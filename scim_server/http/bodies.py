"""Request bodies: media type, size, JSON.

Most bodies are small and are parsed in the event loop. A large body, such as a group with 100,000 members, costs much
more memory than it has bytes, and time in which no other request would be answered. So large bodies take turns, are
parsed in a thread, and wait for that as bytes, which are bounded in all.
"""

import asyncio
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Self, TypeVar

import orjson
from starlette.requests import Request

from scim_server.http.codings import Unpacking, coding_of
from scim_server.http.exchange import exchange_of
from scim_server.limits.byte_budget import ByteBudget
from scim_server.limits.turns import Turns
from scim_server.scim.errors import InvalidSyntax, ScimError, plain_error
from scim_server.scim.schema import JsonObject

DEFAULT_LIMIT = 32 << 20
"""Bytes: a group of 100,000 members with `$ref` and `display` in one PUT is about 20 MiB."""
LARGE = 16 << 10
"""Bytes, from which on a body takes turns: understanding it may take some milliseconds, and 20 times its memory."""
MOST_VALUES = 2_000_000
"""In one large body: 32 MiB of empty arrays would be ten million, and gigabytes."""

_MANY_BRACKETS = 200
_AT_WORK = 40 << 20
"""Bytes of large bodies that are worked on at once: two groups of 100,000 members, or more that are smaller."""
_NOT_UTF8 = "it isn't UTF-8"
_ACCEPTED = frozenset({"application/scim+json", "application/json", "text/json"})

_Bytes = bytes | bytearray
T = TypeVar("T")


class NoMemory(Exception):
    """There are too many large bodies already; the client should try again."""


class Body:
    """A request's body. It is small, or has its turn."""

    def __init__(self, content: _Bytes, thread: Executor | None) -> None:
        self._content = content
        self._thread = thread

    async def parse(self, parse: Callable[[JsonObject], T]) -> T:
        """What `parse` makes of the JSON object that the body is. Once: the bytes are dropped.

        `parse` runs in the event loop for a small body and in a thread for a large one. Raises ScimError 400 or 413,
        and what `parse` raises.
        """
        content, self._content = self._content, b""
        if self._thread is None:
            return parse(_parse_object(content))
        return await asyncio.get_running_loop().run_in_executor(self._thread, _parse_large, content, parse)


class Bodies:
    """Of one server. `limit`: bytes in one body. `most_bytes`: of waiting large ones, half of them of one tenant."""

    def __init__(self, limit: int, most_bytes: int) -> None:
        self._limit = limit
        self._budget = ByteBudget(most_bytes)
        self._turns = Turns(_AT_WORK)
        self._thread = ThreadPoolExecutor(1, "large bodies")  # more would only take more from the event loop

    @asynccontextmanager
    async def read(self, request: Request, limit: int | None = None) -> AsyncIterator[Body]:
        """The block is the work with the body; at its end the turn of a large body is over.

        Raises ScimError 400, 413 or 415, UnknownCoding and NoMemory. A missing Content-Type is taken for JSON:
        several providers' HTTP libraries leave it out.
        """
        _check_media_type(request)
        tenant = exchange_of(request).tenant
        with _Held(self._budget, tenant) as held:
            content = await _receive(request, self._limit if limit is None else min(limit, self._limit), held)
            if len(content) <= LARGE and not _has_many_paths(content):
                yield Body(content, None)
                return
            async with self._turns.turn(tenant, len(content)):
                body = Body(content, self._thread)
                del content  # else it would be held until the end of the work
                held.give_back()
                yield body


def _check_media_type(request: Request) -> None:
    content_type = request.headers.get("content-type")
    if content_type and content_type.partition(";")[0].strip().lower() not in _ACCEPTED:
        raise ScimError(
            415,
            f"application/scim+json is expected, not {content_type[:80]!r}",
            reason="the media type is another one than application/scim+json",
        )


def _has_many_paths(body: _Bytes) -> bool:
    """Paths that select elements have brackets: many of them in few bytes may take as long as a large body."""
    return body.count(b"[") + body.count(b"\\") > _MANY_BRACKETS


class _Held:
    """The part of the budget that one request takes, once its body is known to be large."""

    def __init__(self, budget: ByteBudget, tenant: str) -> None:
        self._budget = budget
        self._tenant = tenant
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def grow_to(self, size: int) -> None:
        """Raises NoMemory."""
        if size > LARGE and size > self._size:
            if not self._budget.take(self._tenant, size - self._size):
                raise NoMemory
            self._size = size

    def give_back(self) -> None:
        if self._size:
            self._budget.give_back(self._tenant, self._size)
            self._size = 0


async def _receive(request: Request, limit: int, held: _Held) -> _Bytes:
    """The body, unpacked. Both the bytes that are sent and those that they unpack to may be `limit`."""
    coding = coding_of(request.headers.getlist("content-encoding"))
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        if int(declared) > limit:
            raise _too_large(limit)
        held.grow_to(int(declared))  # now, rather than to refuse one after the other when all of them are half read
    chunks = _chunks(request)
    body: _Bytes = b""
    async for chunk in chunks if coding is None else _unpacked(chunks, Unpacking(coding), limit):
        size = len(body) + len(chunk)
        if size > limit:
            raise _too_large(limit)
        held.grow_to(size)
        if not body:
            body = chunk
        else:
            body = body if isinstance(body, bytearray) else bytearray(body)
            body += chunk
    return body


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise plain_error(400, "the connection was closed before the body was complete")
        if chunk := message.get("body", b""):
            yield chunk
        more = message.get("more_body", False)


async def _unpacked(chunks: AsyncIterator[bytes], unpacking: Unpacking, limit: int) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise _too_large(limit)
        for piece in unpacking.pieces(chunk):
            if piece:
                yield piece
            await asyncio.sleep(0)  # a few bytes may be megabytes: others are answered between two pieces
    unpacking.end()


def _parse_large(content: _Bytes, parse: Callable[[JsonObject], T]) -> T:
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        raise plain_error(413, f"the body has more than {MOST_VALUES} values")
    return parse(_parse_object(content))


def _parse_object(body: _Bytes) -> JsonObject:
    try:
        document = orjson.loads(body.removeprefix(BOM_UTF8) if body.startswith(BOM_UTF8) else body)
    except orjson.JSONDecodeError as error:
        reason = _NOT_UTF8 if error.msg.startswith("str is not valid UTF-8") else f"{error.msg} at offset {error.pos}"
        reason = reason if body else "it is empty"
        raise InvalidSyntax(f"the body isn't JSON: {reason}", reason="the body isn't JSON") from None
    if not isinstance(document, dict):
        raise InvalidSyntax("the body isn't a JSON object", reason="the body isn't a JSON object")
    return document


def _too_large(limit: int) -> ScimError:
    return plain_error(413, f"the body is larger than {limit} bytes")
