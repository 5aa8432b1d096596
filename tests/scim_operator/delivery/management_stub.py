"""A server's management API without the rest of the server: real HTTP, the contract's rules, and faults to order."""

import asyncio
from typing import Any, Self

from aiohttp import web

from scim_server.config import ConfigBundle, ConfigError, ConfigHolder

TOKEN = "management-token-of-the-tests"


class ManagementStub:
    """Listens on loopback. Attributes set by a test change how it answers from the next request on."""

    def __init__(self, *, token: str = TOKEN) -> None:
        self.holder = ConfigHolder()
        self.token = token
        self.floor = 0
        """Highest revision that its database has seen."""
        self.settles = True
        self.refusal: str | None = None
        self.broken: int | None = None
        """A status code that every request is answered with."""
        self.held: asyncio.Event | None = None
        """Requests wait for it."""
        self.pushes: list[int] = []
        self.tenants: dict[str, Any] = {}
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._settled = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """On the port that it had before, if any."""
        app = web.Application(client_max_size=64 << 20)
        app.add_routes([web.put("/v1/config", self._put), web.get("/v1/status", self._status)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def restart_empty(self) -> None:
        """As a process that died and came back without a mounted document; its database remembers the floor."""
        await self.stop()
        self.holder = ConfigHolder()
        self._settled = 0
        await self.start()

    def settle(self) -> None:
        self.settles = True
        self._settled = self.holder.revision

    async def _answer(self, request: web.Request) -> web.Response | None:
        if self.held is not None:
            await self.held.wait()
        if self.broken is not None:
            return web.json_response({}, status=self.broken)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({}, status=401)
        return None

    async def _put(self, request: web.Request) -> web.Response:
        refused = await self._answer(request)
        if refused is not None:
            return refused
        if self.refusal is not None:
            return web.json_response({"revision": self.holder.revision, "reason": self.refusal}, status=422)
        try:
            bundle = ConfigBundle.decode(await request.read())
        except ConfigError as error:
            return web.json_response({"revision": self.holder.revision, "reason": str(error)}, status=422)
        self.pushes.append(bundle.revision)
        if bundle.revision < max(self.floor, self.holder.revision):
            floor = max(self.floor, self.holder.revision)
            body = {"revision": self.holder.revision, "floor": floor, "reason": "older"}
            return web.json_response(body, status=409)
        if bundle.revision == self.holder.revision and bundle != self.holder.current:
            body = {"revision": bundle.revision, "floor": bundle.revision, "reason": "another document"}
            return web.json_response(body, status=409)
        outcome = self.holder.offer(bundle, "push")
        self.floor = max(self.floor, bundle.revision)
        if self.settles:
            self._settled = self.holder.revision
        return web.json_response(
            {
                "revision": self.holder.revision,
                "outcome": outcome.value,
                "applied": self.settles,
                "appliedRevision": self._settled,
            }
        )

    async def _status(self, request: web.Request) -> web.Response:
        refused = await self._answer(request)
        if refused is not None:
            return refused
        return web.json_response(
            {
                "revision": self.holder.revision,
                "floor": max(self.floor, self.holder.revision),
                "appliedRevision": self._settled,
                "source": self.holder.source,
                "rejection": None,
                "tenants": self.tenants,
                "version": "0",
            }
        )
