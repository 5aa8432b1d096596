"""How long each part of a request may take."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Self

from starlette.types import Message, Receive, Scope, Send

_KEY = "scim_server.deadlines"
_CUT_OFF = "scim_server.cut_off"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds."""

    body: float = 60.0
    """From the head to the end of the body."""
    work: float = 60.0
    """From the end of the body to the first byte of the answer: as long as Okta waits."""
    answer: float = 300.0
    """From the first to the last byte of the answer."""


class Part(Enum):
    BODY = auto()
    WORK = auto()
    ANSWER = auto()
    CLIENT_GONE = auto()
    """Nobody waits for the answer any more."""


class OutOfTime(Exception):
    """A part of the request took too long, or its client went away, and its work was cancelled."""

    def __init__(self, part: Part) -> None:
        super().__init__(part.name)
        self.part = part


class Deadlines:
    """The deadline of the part that a request is in, as an asynchronous context manager around its work.

        async with Deadlines(limits, has_body=True) as deadlines:
            deadlines.attach(scope)
            await app(scope, deadlines.watch_receive(receive), deadlines.watch_send(send))

    Raises `OutOfTime`. `client_gone(scope)` ends it at once: a provider that gave a request up sends it again, and
    an old one that is still under way must not be done after what the provider asked for since.
    """

    def __init__(self, limits: TimeLimits, has_body: bool) -> None:
        self._limits = limits
        self._part = Part.BODY if has_body else Part.WORK
        self._timeout = asyncio.timeout(limits.body if has_body else limits.work)
        self._over = False

    def attach(self, scope: Scope) -> None:
        scope[_KEY] = self

    def allow_more_time(self, seconds: float) -> None:
        """For the work of this request: the client asked for an answer that comes later."""
        self._begin(Part.WORK, self._limits.work + seconds)

    def give_up(self) -> None:
        self._begin(Part.CLIENT_GONE, 0)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over = True
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise OutOfTime(self._part) from None

    def watch_receive(self, receive: Receive) -> Receive:
        async def watched() -> Message:
            message = await receive()
            if self._part is Part.BODY and not message.get("more_body", False):
                self._begin(Part.WORK, self._limits.work)
            return message

        return watched

    def watch_send(self, send: Callable[[Message], Awaitable[None]]) -> Send:
        async def watched(message: Message) -> None:
            # An answer that is sent at once needs no deadline of its own.
            if self._part is not Part.ANSWER and message.get("more_body", False):
                self._begin(Part.ANSWER, self._limits.answer)
            await send(message)

        return watched

    def _begin(self, part: Part, seconds: float) -> None:
        if self._over or self._part is Part.CLIENT_GONE:
            return
        self._part = part
        if not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time() + seconds)


def client_gone(scope: Mapping[str, object]) -> None:
    """Cancel the work on a request, if any is under way."""
    deadlines = scope.get(_KEY)
    if isinstance(deadlines, Deadlines):
        deadlines.give_up()


def allow_more_time(scope: Mapping[str, object], seconds: float) -> None:
    """The work on a request without a body may take so much longer than others."""
    deadlines = scope[_KEY]
    assert isinstance(deadlines, Deadlines)  # noqa: S101 - attached to every request
    deadlines.allow_more_time(seconds)


def let_cut_off(scope: MutableMapping[str, object], abort: Callable[[], None]) -> None:
    """`abort` ends the connection of the request at once."""
    scope[_CUT_OFF] = abort


def cut_off(scope: Mapping[str, object]) -> None:
    """End the connection of a request that `let_cut_off` was called for.

    The client can't take a part of an answer for the whole then, and nothing waits for a client that doesn't read.
    """
    abort = scope[_CUT_OFF]
    assert callable(abort)  # noqa: S101 - see above
    abort()
