"""The server in this process, following a folder of manifests."""

import asyncio
import contextlib
import errno
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from scim_operator.api import ObjectKey, former_users_note
from scim_operator.local.changes import describe_changes
from scim_operator.local.data import DataDirectory
from scim_operator.local.engine_news import EngineNews
from scim_operator.local.folder import FolderPlan, UnusableManifests, plan_folder
from scim_operator.local.report import Reporter
from scim_operator.local.role_news import RoleNews
from scim_operator.local.scim_news import ScimNews
from scim_operator.local.unmatched_news import unmatched_groups
from scim_operator.local.watch import Watch
from scim_operator.manifests import DEFAULT_NAMESPACE
from scim_operator.plan import same_content
from scim_server.app import Server, ServerFailed, ServerSettings
from scim_server.config import ConfigBundle
from scim_server.storage.errors import StorageUnavailable, StorageUnusable

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 5.0
"""After so long without all roles recomputed, that is told."""

_RETRY_SECONDS = 2.0


class LocalModeError(Exception):
    """Local mode can't start. The message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """`path`: a folder of manifests, or one file. `database` is a URL; without it, SQLite in the data directory.

    `namespace` is that of objects whose manifest gives none. `port` 0 takes a free one.
    """

    path: Path
    data_directory: Path
    namespace: str = DEFAULT_NAMESPACE
    host: str = "127.0.0.1"
    port: int = 8080
    database: str | None = None


class LocalServer:
    """Serves what the manifests say, and goes on with what they said when they can't be used any more."""

    def __init__(self, server: Server, options: LocalOptions, data: DataDirectory, reporter: Reporter) -> None:
        self._server = server
        self._path = options.path
        self._namespace = options.namespace
        self._data = data
        self._token_key = data.token_key()
        self._reporter = reporter
        self._news = RoleNews(server, reporter)
        self._engine_news = EngineNews(server, reporter, self._news)
        self._scim_news = ScimNews(server, reporter)
        self._watch = Watch(options.path)
        self._served = data.last_served()
        self._started = False
        self._unmatched: tuple[str, ...] = ()
        self.plan = self._planned()

    @property
    def url(self) -> str:
        """Where the server is, without a path."""
        return self._server.url

    async def last_used(self, tenant: ObjectKey) -> dict[str, datetime | None]:
        """By name of each of its credentials."""
        try:
            stored = await self._server.storage.uses()
        except StorageUnavailable:
            stored = {}  # what this process has noted is the newest anyhow
        uses = self._server.last_uses.with_noted(stored)
        served = self._served.config.tenants if self._served else ()
        return {
            credential.name: uses.get((one.key, credential.name))
            for one in served
            if one.key == str(tenant)
            for credential in one.all_credentials
        }

    def _planned(self) -> FolderPlan:
        return plan_folder(self._path, self._namespace, self._token_key, self._served)

    async def start(self) -> None:
        """Serve what the manifests say; the server is listening by now."""
        await self._offer(self.plan)
        self._started = True
        for note in self.plan.notes:
            self._reporter.note(note)
        self._tell_suspended(frozenset())
        self._tell_warnings()
        await self._wait_until_applied()
        await self._look_for_groups()
        await self.forget_changes()

    async def forget_changes(self) -> None:
        """What was changed over SCIM until now isn't told."""
        await self._scim_news.forget_changes()

    async def follow(self) -> None:
        """Serve every change of the manifests, and tell what is changed over SCIM, until cancelled."""
        await asyncio.gather(self._scim_news.run(), self._engine_news.run(), self._follow_manifests())

    async def _follow_manifests(self) -> None:
        async for _ in self._watch.changes():
            suspended = self.plan.suspended
            try:
                self.plan = await asyncio.to_thread(self._planned)
            except UnusableManifests as error:
                self._reporter.broken(error.problems)
                continue
            except Exception as error:  # a mistake in this program: what was served before goes on all the same
                _log.exception("reading the manifests failed")
                self._reporter.broken((f"{self._path}: can't be read: {type(error).__name__}",))
                continue
            self._reporter.usable(self.plan.warnings)
            before = self._served
            self._engine_news.manifests_are_applied = False
            after = await self._offer(self.plan)
            for line in describe_changes(before, after, self.plan.left_out()):
                self._reporter.change(line)
            self._tell_suspended(suspended)
            self._tell_warnings()
            await self._wait_until_applied()
            await self._look_for_groups()
            await self._tell_former_users(before, after)
            await self._scim_news.forget_changes()

    def _tell_warnings(self) -> None:
        self._reporter.warnings((*self.plan.warnings, *self._unmatched))

    async def _look_for_groups(self) -> None:
        """Tell which groups the manifests name that aren't here."""
        tenants = [tenant for tenant in self._served.config.tenants if not tenant.deleted] if self._served else []
        try:
            self._unmatched = tuple(await unmatched_groups(self._server, tenants))
        except StorageUnavailable:
            return  # what was known before still stands
        self._tell_warnings()

    def _tell_suspended(self, before: frozenset[ObjectKey]) -> None:
        for key in sorted(self.plan.suspended - before):
            served = "is served as it was" if key in self.plan.tenants else "has never been served"
            self._reporter.change(f"provisioningconfig {key}: is suspended: it {served}, and changes wait")
        for key in sorted(before - self.plan.suspended):
            if key in self.plan.tenants:
                self._reporter.change(f"provisioningconfig {key}: is no longer suspended")

    async def _tell_former_users(self, before: ConfigBundle | None, after: ConfigBundle) -> None:
        """Of the tenants that are new."""
        known = {tenant.key for tenant in before.config.tenants if not tenant.deleted} if before else set()
        for tenant in after.config.tenants:
            if tenant.deleted or tenant.key in known:
                continue
            try:
                counts = await self._server.storage.read(tenant.key, lambda reader: reader.counts())
            except StorageUnavailable:
                continue  # their users are in the table, and in the status of a cluster
            if counts.former_users is not None:
                note = former_users_note(counts.former_users.count)
                self._reporter.change(f"provisioningconfig {tenant.key}: {note}")

    async def _offer(self, plan: FolderPlan) -> ConfigBundle:
        bundle = await self._bundle(plan)
        await self._server.intake.offer(bundle, "local")
        self._data.remember_served(bundle)
        self._served = bundle
        return bundle

    async def _bundle(self, plan: FolderPlan) -> ConfigBundle:
        """Of a new revision, unless nothing is different from what is served or was served last."""
        highest = await self._highest_revision()
        if self._served is not None and self._served.revision >= highest:
            bundle = plan.bundle(self._served.revision)
            if same_content(bundle, self._served):
                return bundle
            highest = self._served.revision
        return plan.bundle(highest + 1)

    async def _highest_revision(self) -> int:
        told = not self._started  # the server tells in its log why it can't open the database
        while True:
            try:
                return await self._server.intake.floor()
            except StorageUnavailable:
                if not told:
                    self._reporter.note("the database doesn't answer; trying again")
                told = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def _wait_until_applied(self) -> None:
        """Return when the roles of all existing users follow the manifests, and tell whose changed."""
        revision = self._served.revision if self._served else 0
        self._engine_news.manifests_are_applied = False
        while not await self._server.applier.wait_applied(revision, _PATIENCE_SECONDS):
            self._reporter.note("the roles of existing users are still being recomputed")
        self._engine_news.manifests_are_applied = True
        try:
            await self._news.tell()
        except StorageUnavailable:
            self._reporter.note("the database doesn't answer, so it isn't known whose roles changed")


async def serve(
    options: LocalOptions, reporter: Reporter, started: Callable[[LocalServer], Coroutine[Any, Any, None]]
) -> None:
    """Serve until SIGINT or SIGTERM. `started` is awaited as soon as requests are answered.

    Raises `LocalModeError`, `UnusableManifests`, `DataDirectoryError`, and what `started` raises.
    """
    with contextlib.closing(DataDirectory(options.data_directory)) as data:
        server = _server(options, data)
        local = LocalServer(server, options, data, reporter)

        async def work() -> None:
            await _listen(server, options)
            await local.start()
            await started(local)
            await local.follow()

        with _signals_stop(server):
            try:
                await _until_stopped(server, work())
            except (ServerFailed, StorageUnusable) as failed:
                raise LocalModeError(str(failed)) from None
            finally:
                await server.stop()


def _server(options: LocalOptions, data: DataDirectory) -> Server:
    settings = ServerSettings(
        database=options.database or data.database_url,
        host=options.host,
        port=options.port,
        management_port=None,
        loopback_webhooks=True,
    )
    try:
        return Server(settings)
    except ValueError as error:
        raise LocalModeError(f"--database: {error}") from None


async def _listen(server: Server, options: LocalOptions) -> None:
    try:
        await server.start()
    except StorageUnusable as error:
        raise LocalModeError(str(error)) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            where = f"port {options.port} of {options.host}"
            message = f"{where} is in use: choose another one with --port (make run: with PORT=)"
        else:
            message = error.strerror or str(error)  # which names the address
        raise LocalModeError(message) from None


@contextlib.contextmanager
def _signals_stop(server: Server) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for sent in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sent, server.ask_to_stop)
    try:
        yield
    finally:
        for sent in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(sent)


async def _until_stopped(server: Server, work: Coroutine[Any, Any, None]) -> None:
    """Raises what `work` raises, and `ServerFailed`."""
    tasks = [asyncio.create_task(work), asyncio.create_task(server.wait())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
