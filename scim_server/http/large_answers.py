"""Answers of any size: written at the database's pace, sent at the client's.

An answer is written as a whole before it is sent: a small one to memory, a large one to a temporary file. So its
length and its status are true, a failure on the way is answered like any other, and a slow client holds neither a
database connection nor much memory.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Self

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scim_server.directory.output import Output
from scim_server.http.exchange import exchange_in
from scim_server.http.responses import MEDIA_TYPE, ScimResponse, not_modified
from scim_server.limits.byte_budget import ByteBudget
from scim_server.scim.errors import TooMany
from scim_server.scim.versions import is_not_modified

_log = logging.getLogger(__name__)

_IN_MEMORY = 256 << 10
"""Bytes of one answer. A page of 100 users has about 150 KB."""
_BLOCK_BYTES = 64 << 10
_OF_THE_BODY = ("content-length", "content-type")

_Write = Callable[[Output], Awaitable[None]]


class NoSpace(Exception):
    """There are too many large answers already; the client should try again."""


class LargeAnswers:
    """Of one server. `most_bytes`: in temporary files at once, half of them those of one tenant."""

    def __init__(self, most_bytes: int) -> None:
        self._budget = ByteBudget(most_bytes)

    def answer(self, write: _Write, status: int = 200, if_none_match: str | None = None) -> Response:
        """What `write` writes. What it raises is answered like any other error; so are NoSpace and TooMany."""
        return _WrittenAnswer(write, self._budget, status, if_none_match)

    def counted(self, answer: ScimResponse) -> Response:
        """The answer, which waits for the client in a temporary file where it is large."""
        body = bytes(answer.body)
        if len(body) <= _IN_MEMORY:
            return answer

        async def write(out: Output) -> None:
            out.write(body)

        headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_BODY}
        return _WrittenAnswer(write, self._budget, answer.status_code, None, headers)


class _WrittenAnswer(Response):
    def __init__(
        self,
        write: _Write,
        budget: ByteBudget,
        status: int,
        if_none_match: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=status)
        self._own_headers = dict(headers or {})
        self._write = write
        self._budget = budget
        self._if_none_match = if_none_match

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with _Spool(self._budget, exchange_in(scope).tenant, self._if_none_match) as spool:
            await self._write(spool)
            headers = self._own_headers | spool.headers
            if spool.client_is_current:
                await not_modified(headers)(scope, receive, send)
                return
            head = Response(None, self.status_code, headers | {"Content-Length": str(spool.size)}, MEDIA_TYPE)
            await send({"type": "http.response.start", "status": head.status_code, "headers": head.raw_headers})
            sent = 0
            for block in spool.blocks():
                sent += len(block)
                await send({"type": "http.response.body", "body": block, "more_body": sent < spool.size})


class _Spool:
    """An `Output` for one answer. Its file has no name, and is gone when the block of `with` ends."""

    def __init__(self, budget: ByteBudget, tenant: str, if_none_match: str | None) -> None:
        self._budget = budget
        self._tenant = tenant
        self._if_none_match = if_none_match
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - see __exit__
        self._counted = 0
        self.size = 0
        self.headers: dict[str, str] = {}
        self.client_is_current = False

    def begin(self, location: str, tag: str, *, tag_covers_all: bool) -> bool:
        self.headers = {"Location": location, "ETag": tag}
        self.client_is_current = tag_covers_all and is_not_modified(self._if_none_match, tag)
        return not self.client_is_current

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > _IN_MEMORY:
            self._count(self.size)
        try:
            self._file.write(piece)
        except OSError as error:
            _log.error("a large answer can't be written to a temporary file: %s", error.strerror)
            raise NoSpace from None

    def blocks(self) -> Iterator[bytes]:
        """One at least."""
        self._file.seek(0)
        for _ in range(max(1, math.ceil(self.size / _BLOCK_BYTES))):
            yield self._file.read(_BLOCK_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._counted:
            self._budget.give_back(self._tenant, self._counted)

    def _count(self, size: int) -> None:
        if size > self._budget.most_of_one:
            most = self._budget.most_of_one
            raise TooMany(f"the answer has more than {most} bytes: ask for fewer resources, or less of each")
        if not self._budget.take(self._tenant, size - self._counted):
            raise NoSpace
        self._counted = size
