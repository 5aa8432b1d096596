"""Tells what providers change over SCIM, as they change it."""

import asyncio
from collections import defaultdict

from scim_operator.local.directory_snapshot import MOST_USERS, DirectorySnapshot, describe, take_snapshot
from scim_operator.local.report import Reporter
from scim_server.app import Server
from scim_server.storage.errors import StorageUnavailable

_GATHERING_SECONDS = 0.25
"""Requests that come so close together are told together."""
_MOST_LINES = 20


class ScimNews:
    """`run` is its task. It compares what is there after a request with what was there before."""

    def __init__(self, server: Server, reporter: Reporter) -> None:
        self._server = server
        self._reporter = reporter
        self._before: dict[str, DirectorySnapshot | None] = {}
        self._writers: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """By tenant, the credentials that wrote since the last look, in their order."""
        self._written = asyncio.Event()
        server.subscribe_writes(self._note)

    async def run(self) -> None:
        """Until cancelled. What was there when changes were last forgotten isn't told."""
        while True:
            await self._written.wait()
            await asyncio.sleep(_GATHERING_SECONDS)
            self._written.clear()
            writers, self._writers = self._writers, defaultdict(dict)
            for tenant, credentials in writers.items():
                await self._tell(tenant, ", ".join(credentials))

    async def forget_changes(self) -> None:
        """What is there now is known: changes of the manifests are told by others."""
        current = self._server.holder.current
        for tenant in current.config.tenants if current else ():
            try:
                self._before[tenant.key] = await self._snapshot(tenant.key)
            except StorageUnavailable:
                self._before.pop(tenant.key, None)

    def _note(self, tenant: str, credential: str) -> None:
        self._writers[tenant][credential] = None
        self._written.set()

    async def _tell(self, tenant: str, credentials: str) -> None:
        try:
            after = await self._snapshot(tenant)
        except StorageUnavailable:
            return  # the next change tells this one as well
        before = self._before.get(tenant)
        self._before[tenant] = after
        if after is None:
            self._reporter.change(f"{tenant}: {credentials} wrote; more than {MOST_USERS} users aren't compared")
            return
        lines = describe(before, after) if before is not None else []
        for line in lines[:_MOST_LINES]:
            self._reporter.change(f"{tenant}: {credentials} {line}")
        if len(lines) > _MOST_LINES:
            self._reporter.change(f"{tenant}: {credentials} changed {len(lines) - _MOST_LINES} more")

    async def _snapshot(self, tenant: str) -> DirectorySnapshot | None:
        return await self._server.storage.read(tenant, take_snapshot, snapshot=True)
