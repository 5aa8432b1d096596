"""A server's management API without the rest of the server: real HTTP, the contract's rules, and faults to order."""

import asyncio
from typing import Any, Self

from aiohttp import web

from scim_server.config import SHARDS, ConfigBundle, ConfigError, ConfigHolder

TOKEN = "management-token-of-the-tests"


class ManagementStub:
    """Listens on loopback. Attributes set by a test change how it answers from the next request on."""

    def __init__(self, *, token: str = TOKEN) -> None:
        self.holder = ConfigHolder()
        self.token = token
        self.floor = 0
        """Highest revision that its database has seen, of each shard."""
        self.settles = True
        self.refusal: str | None = None
        self.broken: int | None = None
        """A status code that every request is answered with."""
        self.held: asyncio.Event | None = None
        """Requests wait for it."""
        self.former = False
        """Answers as a server did before there were shards."""
        self.requests = 0
        self.pushes: list[tuple[int, int]] = []
        """Shard and revision of each."""
        self.tenants: dict[str, Any] = {}
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._settled: dict[int, int] = {}

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
        """As a process that died and came back without mounted files; its database remembers the floor."""
        await self.stop()
        self.holder = ConfigHolder()
        self._settled = {}
        await self.start()

    def settle(self) -> None:
        self.settles = True
        self._settled = {shard: self.holder.revision_of(shard) for shard in SHARDS}

    async def _answer(self, request: web.Request) -> web.Response | None:
        self.requests += 1
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
        shard = bundle.shard
        assert shard is not None
        self.pushes.append((shard, bundle.revision))
        running = self.holder.revision_of(shard)
        floor = max(self.floor, running)
        if bundle.revision < floor:
            return web.json_response({"revision": running, "floor": floor, "reason": "older"}, status=409)
        if bundle.revision == running and bundle != self.holder.shards[shard]:
            return web.json_response({"revision": running, "floor": running, "reason": "another"}, status=409)
        outcome = self.holder.offer(bundle, "push")
        if self.settles:
            self._settled[shard] = self.holder.revision_of(shard)
        return web.json_response(
            {
                "revision": self.holder.revision_of(shard),
                "outcome": outcome.value,
                "applied": self.settles,
                "appliedRevision": self._settled.get(shard, 0),
            }
        )

    async def _status(self, request: web.Request) -> web.Response:
        refused = await self._answer(request)
        if refused is not None:
            return refused
        shards = {
            str(shard): {
                "revision": self.holder.revision_of(shard),
                "floor": max(self.floor, self.holder.revision_of(shard)),
                "appliedRevision": self._settled.get(shard, 0),
            }
            for shard in SHARDS
        }
        return web.json_response(
            {
                "revision": self.holder.revision_of(None),
                "source": self.holder.source,
                "rejection": None,
                "tenants": self.tenants,
                "version": "0",
            }
            | ({} if self.former else {"shards": shards})
        )
