"""Wiring: a whole server in one object, for the command `scim-server` and for programs that embed it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from starlette.types import ASGIApp

from scim_server import changes
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.key_fetch import KeyFetcher
from scim_server.auth.last_uses import LastUses
from scim_server.background.deliveries import DeliveryWork
from scim_server.background.due import DueWork
from scim_server.background.late_writes import LateWrites
from scim_server.background.previews import MappingPreviews
from scim_server.background.retention import Retention
from scim_server.background.rules import RulesApplier
from scim_server.clock import Clock, utc_now
from scim_server.config import ConfigHolder
from scim_server.config.file_source import FileSource
from scim_server.directory.directory import Directory
from scim_server.directory.feed import Feed
from scim_server.directory.stored_rules import StoredRules
from scim_server.directory.unmatched_groups import UnmatchedGroupsReader
from scim_server.http.app import create_scim_app
from scim_server.http.bodies import DEFAULT_LIMIT
from scim_server.http.connections import ConnectionLimits, limited_protocol
from scim_server.http.protection import Protection, RequestLimits
from scim_server.http.public_url import PublicUrl
from scim_server.limits.client_address import TrustedProxies
from scim_server.logs import dropped_lines
from scim_server.management.app import create_management_app
from scim_server.management.intake import Intake
from scim_server.management.status import Status
from scim_server.management.token_file import ManagementTokens
from scim_server.metrics import Metrics
from scim_server.port import Certificate, Handshakes, Port
from scim_server.storage import open_storage, without_password
from scim_server.storage.credential_files import NO_FILES, CredentialFiles
from scim_server.storage.errors import StorageUnavailable, StorageUnusable
from scim_server.tracing.start import Tracing

_log = logging.getLogger(__name__)

_DATABASE_RETRY_SECONDS = 1.0
_TELL_AGAIN_SECONDS = 60.0
_MANAGEMENT_CONNECTIONS = ConnectionLimits(most=100, probes=frozenset({"/livez", "/readyz"}))
"""Of the operator, probes and scrapers: so few that no one else can use up the process's open files there."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server needs to know before it has a configuration. Port 0 takes a free one."""

    database: str
    """`sqlite:///PATH` or `postgresql://…`"""
    database_files: CredentialFiles = NO_FILES
    """Where PostgreSQL's URL and password stand from now on."""
    host: str = "127.0.0.1"
    port: int = 8080
    management_host: str = "127.0.0.1"
    management_port: int | None = 8081
    """None: no management port."""
    management_token_file: Path | None = None
    tls_cert: Path | None = None
    """Certificates in PEM: with them the public port speaks TLS. Read again when the file changes, as the key is."""
    tls_key: Path | None = None
    management_tls_cert: Path | None = None
    management_tls_key: Path | None = None
    insecure_management: bool = False
    """Whether the management port may speak plain HTTP on an address that others than this machine reach."""
    config_dir: Path | None = None
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    body_limit: int = DEFAULT_LIMIT
    limits: RequestLimits = field(default_factory=RequestLimits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    """Of the public port."""
    termination_delay: float = 0.0
    """How long `hand_over` goes on serving: as long as load balancers may still send requests."""
    loopback_webhooks: bool = False
    """Whether webhooks may be sent to this machine itself, as in local mode."""
    drain_seconds: int = 25
    """How long requests may still take once the server stops."""


def management_is_exposed(settings: ServerSettings) -> bool:
    """Whether the management token would go over a network in plain HTTP."""
    if settings.management_port is None or settings.management_tls_cert is not None:
        return False
    try:
        return not ip_address(settings.management_host).is_loopback
    except ValueError:
        return settings.management_host != "localhost"


class ServerFailed(Exception):
    """A part of a running server ended by itself. The message names it; the log says where."""


class Server:
    """Both ports, the database, and the configuration's sources, in the running event loop.

        async with Server(ServerSettings(database="sqlite:///scim.db", port=0)) as server:
            await server.intake.offer(bundle, "local")
            ... server.url ...

    `intake` takes configurations from the embedding program; files and pushes end there as well.
    `tracing` gets a span for each request. Raises ValueError for settings that make no sense.
    """

    def __init__(self, settings: ServerSettings, tracing: Tracing | None = None, clock: Clock = utc_now) -> None:
        for cert, key in (
            (settings.tls_cert, settings.tls_key),
            (settings.management_tls_cert, settings.management_tls_key),
        ):
            if (cert is None) != (key is None):
                raise ValueError("a certificate and its key are expected, or neither")
        if management_is_exposed(settings) and not settings.insecure_management:
            raise ValueError(f"the management port at {settings.management_host} is expected to have a certificate")
        self.settings = settings
        self.holder = ConfigHolder()
        self.metrics = Metrics()
        self.storage = open_storage(settings.database, changes.record, self.metrics, clock, settings.database_files)
        self.metrics.watch(self.storage)
        self.metrics.watch_log(dropped_lines)
        self._certificate = self._read_certificate("public", settings.tls_cert, settings.tls_key)
        self._management_certificate = self._read_certificate(
            "management", settings.management_tls_cert, settings.management_tls_key
        )
        self._tracing = tracing
        if tracing is not None:
            # Imported here and below, since they need OpenTelemetry, which is an extra.
            from scim_server.tracing.storage import TracedStorage

            self.storage = TracedStorage(self.storage, tracing.tracer)
        self.intake = Intake(self.holder, self.storage, self.metrics)
        stored_rules = StoredRules(self.storage)
        self.applier = RulesApplier(self.storage, stored_rules, self.holder, self.metrics, clock)
        self.due = DueWork(self.storage, clock)
        self._retention = Retention(self.storage, self.metrics, clock)
        self.feed = Feed(self.storage)
        self.metrics.watch_feed(lambda: self.feed.arrivals.waiting)
        # Whoever waits asks again, with a credential that may be none any more.
        self.holder.subscribe(lambda _: self.feed.arrivals.answer_all())
        self.storage.subscribe(self.metrics.count_effects)
        self.deliveries = DeliveryWork(
            self.storage, self.holder, self.metrics, clock, allow_loopback=settings.loopback_webhooks
        )
        self.unmatched_groups = UnmatchedGroupsReader(self.storage)
        self.last_uses = LastUses(self.storage, self.holder)
        self.previews = MappingPreviews(self.storage, self.holder, clock)
        self.refusals = LateWrites(
            "refused requests in the sync log", self.storage.log_refused, self.metrics.sync_log_lines_dropped.inc
        )
        self.captures = LateWrites(
            "captured requests", self.storage.keep_captures, self.metrics.captures_dropped.inc, most_waiting=500
        )
        self._status = Status(
            self.holder,
            self.intake,
            self.applier,
            self.storage,
            self.metrics,
            self.unmatched_groups,
            self.last_uses,
            self.feed,
            self.previews,
        )
        proxies = TrustedProxies(settings.trusted_proxies)
        self._key_fetcher = KeyFetcher()
        self._key_cache = KeyCache(self._key_fetcher.fetch)
        self._scim: ASGIApp = create_scim_app(
            Directory(self.storage, stored_rules, clock),
            self.feed,
            self.holder,
            PublicUrl(settings.public_url, proxies),
            self.metrics,
            Protection(settings.limits, proxies, self.metrics),
            self._key_cache,
            self.storage,
            self.last_uses,
            settings.body_limit,
            self.refusals.note,
            self.captures.note,
            self._tell_of_write,
            clock,
        )
        if tracing is not None:
            from scim_server.http.request_spans import RequestSpans

            self._scim = RequestSpans(self._scim, tracing.tracer)
        self._management = create_management_app(
            self.holder,
            self.intake,
            self.applier,
            self._status,
            self.storage,
            self.feed,
            self.metrics,
            ManagementTokens(settings.management_token_file),
            clock,
        )
        self._write_listeners: list[Callable[[str, str], None]] = []
        self._ports: list[Port] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_asked = asyncio.Event()
        self._stopping = False
        self._told_away: dict[str, float] = {}
        """When each message may be told again."""
        self._failure: ServerFailed | StorageUnusable | None = None

    def subscribe_writes(self, listener: Callable[[str, str], None]) -> None:
        """`listener` is called with the tenant and the credential after each answered request that may have changed
        something."""
        self._write_listeners.append(listener)

    def _tell_of_write(self, tenant: str, credential: str) -> None:
        for listener in self._write_listeners:
            listener(tenant, credential)

    @property
    def url(self) -> str:
        """Of the public port, as reached on this machine."""
        return self._ports[0].url

    @property
    def management_url(self) -> str:
        """Of the management port; only with one."""
        return self._ports[1].url

    async def start(self) -> None:
        """Listen on the ports and open the database; returns when requests are answered.

        Probes are answered before: migrating may take its time. A database that is away is tried again in the
        background, with `/readyz` answering 503 meanwhile. `ask_to_stop` ends the attempt.
        Raises OSError when a port can't be had, `StorageUnusable` when no attempt could succeed.
        """
        settings = self.settings
        drain, refused = settings.drain_seconds, self.metrics.refused
        try:
            limits, handshakes = settings.connections, self._handshakes(self._certificate, settings.connections)
            public = (self._scim, settings.host, settings.port)
            self._ports.append(Port(*public, drain, limited_protocol(limits, refused), handshakes))
            if settings.management_port is not None:
                limits = _MANAGEMENT_CONNECTIONS
                handshakes = self._handshakes(self._management_certificate, limits)
                management = (self._management, settings.management_host, settings.management_port)
                self._ports.append(Port(*management, drain, limited_protocol(limits, refused), handshakes))
            for port_ in self._ports:
                await port_.start(self._watched(f"the port {port_.url}"))
            if await self._first_attempt():
                self._work()
            elif not self._stop_asked.is_set():
                self._in_background("opening the database", self._open_and_work(), may_end=True)
        except BaseException:
            await self.stop()
            raise

    def log_addresses(self) -> None:
        """One line for people who look why nothing answers."""
        fields = {"scim": self.url, "database": without_password(self.settings.database)}
        if self.settings.management_port is not None:
            fields["management"] = self.management_url
        _log.info("serving", extra={"fields": fields})

    async def stop(self) -> None:
        """Answer what is under way, then close everything, the rest too where closing something raises. May be
        called twice."""
        self._stopping = True
        self.feed.arrivals.end()
        self.deliveries.stop_sending()
        async with AsyncExitStack() as closing:  # last in, first out
            if self._tracing is not None:
                closing.push_async_callback(self._tracing.close)
            closing.push_async_callback(self.storage.close)
            closing.push_async_callback(self._status.close)
            closing.push_async_callback(self.last_uses.close)
            closing.push_async_callback(self.refusals.close)
            closing.push_async_callback(self.captures.close)
            closing.push_async_callback(self.deliveries.close)
            closing.push_async_callback(self._key_fetcher.close)
            closing.push_async_callback(self._key_cache.close)
            closing.push_async_callback(self._end_background)
            closing.push_async_callback(self._end_ports)

    def ask_to_stop(self) -> None:
        """Let `wait` return: safe in a signal handler of the event loop."""
        self._stop_asked.set()

    async def wait(self) -> None:
        """Until `ask_to_stop`. Raises `ServerFailed` as soon as a part of the server ends by itself, and
        `StorageUnusable` when a database that was away turns out to be so."""
        await self._stop_asked.wait()
        if self._failure is not None:
            raise self._failure

    async def hand_over(self) -> None:
        """Before `stop`: go on for `termination_delay` and ask clients to connect anew, so that requests which load
        balancers still send here are answered. Another `ask_to_stop` ends it, and so does a part that fails."""
        self._stop_asked.clear()
        self._ports[0].ask_to_reconnect()
        self.feed.arrivals.answer_all()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop_asked.wait(), self.settings.termination_delay)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _read_certificate(self, port: str, chain: Path | None, key: Path | None) -> Certificate | None:
        if chain is None or key is None:
            return None
        certificate = Certificate(f"the certificate of the {port} port", chain, key)
        self.metrics.watch_certificate(port, certificate.expiry, certificate.is_broken)
        return certificate

    def _handshakes(self, certificate: Certificate | None, limits: ConnectionLimits) -> Handshakes | None:
        """None: the port speaks plain HTTP."""
        if certificate is None:
            return None
        return Handshakes(certificate, limits.most, limits.head_seconds, self.metrics.refused)

    async def _open_and_work(self) -> None:
        while True:
            await asyncio.sleep(_DATABASE_RETRY_SECONDS)
            if await self._try_to_open():
                return self._work()

    def _work(self) -> None:
        self._in_background("applying role rules", self.applier.worker.run())
        self._in_background("doing what is due", self.due.worker.run())
        self._in_background("deleting what is older than the retention", self._retention.worker.run())
        self._in_background("writing of refused requests", self.refusals.run())
        self._in_background("writing captured requests", self.captures.run())
        self._in_background("delivering events", self.deliveries.worker.run())
        self._in_background("previewing mappings", self.previews.worker.run())
        self._in_background("writing when credentials were used", self.last_uses.run())
        if self.settings.config_dir is not None:
            source = FileSource(self.settings.config_dir, self.intake.offer_file, self.intake.refuse_file)
            self._in_background(f"watching {self.settings.config_dir}", source.run())

    async def _first_attempt(self) -> bool:
        """Whether the database is open. Another replica's migration may take long: a stop doesn't wait for it."""
        opening = asyncio.create_task(self._try_to_open())
        stopping = asyncio.create_task(self._stop_asked.wait())
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not opening.done():
                opening.cancel()
                await asyncio.wait((opening,))
        return not opening.cancelled() and opening.result()

    async def _try_to_open(self) -> bool:
        try:
            await self.storage.open()
        except StorageUnavailable as error:
            self._tell_away(str(error))
            return False
        return True

    def _tell_away(self, message: str) -> None:
        """That the database is away. Attempts may fail in turn in several ways: each is a warning once a minute."""
        now = time.monotonic()
        new = now >= self._told_away.get(message, now)
        if new:
            self._told_away[message] = now + _TELL_AGAIN_SECONDS
        level = logging.WARNING if new else logging.DEBUG
        _log.log(level, "%s; next attempt in %.0f s", message, _DATABASE_RETRY_SECONDS)

    async def _end_ports(self) -> None:
        """Together: each gives its requests time to end."""
        outcomes = await asyncio.gather(*(port.stop() for port in self._ports), return_exceptions=True)
        for failure in (outcome for outcome in outcomes if isinstance(outcome, BaseException)):
            raise failure

    async def _end_background(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _in_background(self, part: str, work: Coroutine[Any, Any, None], *, may_end: bool = False) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._watched(part, may_end=may_end))
        self._tasks.append(task)

    def _watched(self, part: str, *, may_end: bool = False) -> Callable[[asyncio.Task[None]], None]:
        """What is to be called when a part of the server has ended. One that ended by itself ends the whole: half a
        server would look alive to probes and clients that use the other half."""

        def ended(task: asyncio.Task[None]) -> None:
            cause = None if task.cancelled() else task.exception()
            if self._stopping or self._failure is not None or (may_end and cause is None):
                return
            if isinstance(cause, StorageUnusable):
                self._failure = cause
            else:
                self._failure = ServerFailed(f"{part}: {type(cause).__name__ if cause else 'it ended'}")
                _log.critical("%s; the server ends", self._failure, exc_info=cause)
            self._stop_asked.set()

        return ended
