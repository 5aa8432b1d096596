"""Applications that receive webhooks, over real HTTP, as badly behaved as a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from standardwebhooks import Webhook

KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
OTHER_KEY = "c2Vjb25kLWtleS1vZi10aGUtcmVjZWl2ZXItMDAwMDAw"


@dataclass(frozen=True, slots=True)
class Received:
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, key: str = KEY) -> Any:
        """The body, if the library for receivers accepts it."""
        return Webhook(key).verify(self.body, dict(self.headers))

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self.body)["data"]
        return event


Answer = Callable[[web.Request, Received], Awaitable[web.StreamResponse]]


def status(code: int, **headers: str) -> Answer:
    async def answer(_: web.Request, __: Received) -> web.StreamResponse:
        return web.Response(status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def hang(request: web.Request, _: Received) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


def unless(condition: Callable[[Received], bool], code: int) -> Answer:
    """204, and `code` for what the condition is false of."""

    async def answer(_: web.Request, received: Received) -> web.StreamResponse:
        return web.Response(status=204 if condition(received) else code)

    return answer


def held_until(event: asyncio.Event) -> Answer:
    """Answers no sooner."""

    async def answer(_: web.Request, __: Received) -> web.StreamResponse:
        await event.wait()
        return web.Response(status=204)

    return answer


async def close(request: web.Request, _: Received) -> web.StreamResponse:
    """Close the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def endless(request: web.Request, _: Received) -> web.StreamResponse:
    """A body that doesn't end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65536)


class Receiver:
    """`answer` may be replaced at any time. `taken` is what was answered with 2xx, in order."""

    def __init__(self) -> None:
        self.answer: Answer = status(204)
        self.attempts: list[Received] = []
        self.taken: list[Received] = []
        self.connections: set[int] = set()
        self.url = ""
        self._changed = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        received = Received(dict(request.headers), await request.read())
        self.attempts.append(received)
        self.connections.add(id(request.transport))
        await self._tell()
        response = await self.answer(request, received)
        if 200 <= response.status < 300:
            self.taken.append(received)
            await self._tell()
        return response

    async def until(self, condition: Callable[["Receiver"], bool], seconds: float = 60.0) -> None:
        """Return when `condition` holds."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """One on 127.0.0.1."""
    receiver = Receiver()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
