"""A span for each transaction."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_current_span

from scim_server.provisioning.cause import BY_MAPPING, Cause
from scim_server.storage.effects import Effects
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Reader, Storage, Writer
from scim_server.storage.records import CredentialUses, Document, PoolUsage, StoredWebhook, UserRecord
from scim_server.storage.tables.captures import Capture
from scim_server.storage.tables.sync_log import LogLine

T = TypeVar("T")


class TracedStorage:
    """A `Storage` whose reads and writes are children of the request's span, where that is recorded.

    The time includes waiting for a connection, and attempts that were repeated.
    """

    def __init__(self, storage: Storage, tracer: Tracer) -> None:
        self._storage = storage
        self._tracer = tracer

    async def open(self, *, migrate: bool = True) -> None:
        await self._storage.open(migrate=migrate)

    async def close(self) -> None:
        await self._storage.close()

    async def ping(self) -> None:
        await self._storage.ping()

    def usage(self) -> PoolUsage:
        return self._storage.usage()

    def subscribe(self, listener: Callable[[str, Effects], None]) -> None:
        self._storage.subscribe(listener)

    async def read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        with self._span("storage.read", tenant):
            return await self._storage.read(tenant, work, snapshot=snapshot)

    async def write(
        self,
        tenant: str,
        work: Callable[[Writer], Awaitable[T]],
        cause: Cause = BY_MAPPING,
        *,
        exclusive: bool = False,
    ) -> T:
        with self._span("storage.write", tenant):
            return await self._storage.write(tenant, work, cause, exclusive=exclusive)

    async def insert_user(
        self, tenant: str, document: Document, active: bool, cause: Cause = BY_MAPPING
    ) -> UserRecord:
        with self._span("storage.write", tenant):
            return await self._storage.insert_user(tenant, document, active, cause)

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        with self._span("storage.write", tenant):
            return await self._storage.use_assertion(tenant, assertion, expires)

    async def note_uses(self, uses: CredentialUses) -> None:
        await self._storage.note_uses(uses)

    async def uses(self) -> CredentialUses:
        return await self._storage.uses()

    async def log_refused(self, tenant: str, lines: Sequence[LogLine]) -> None:
        await self._storage.log_refused(tenant, lines)

    async def keep_captures(self, tenant: str, captures: Sequence[Capture]) -> None:
        await self._storage.keep_captures(tenant, captures)

    async def tenants(self) -> Sequence[str]:
        return await self._storage.tenants()

    async def revisions(self) -> Mapping[str, int]:
        return await self._storage.revisions()

    async def raise_revisions(
        self, fingerprints: Mapping[str, str], revision: int, uids: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        return await self._storage.raise_revisions(fingerprints, revision, uids)

    async def pending_tenants(self) -> Sequence[str]:
        return await self._storage.pending_tenants()

    async def tenants_without_reasons(self) -> Sequence[str]:
        return await self._storage.tenants_without_reasons()

    async def tenants_with_pending_profiles(self) -> Sequence[str]:
        return await self._storage.tenants_with_pending_profiles()

    async def tenants_to_erase(self) -> Sequence[str]:
        return await self._storage.tenants_to_erase()

    async def due_tenants(self) -> Sequence[str]:
        return await self._storage.due_tenants()

    async def next_due(self) -> datetime | None:
        return await self._storage.next_due()

    async def overwrite_erased(self) -> bool:
        return await self._storage.overwrite_erased()

    async def tenants_with_unlike_states(self) -> Sequence[str]:
        return await self._storage.tenants_with_unlike_states()

    async def webhooks(self) -> Sequence[StoredWebhook]:
        return await self._storage.webhooks()

    async def beat_webhooks(self, owner: str) -> None:
        await self._storage.beat_webhooks(owner)

    @contextmanager
    def _span(self, name: str, tenant: str) -> Iterator[None]:
        if not get_current_span().is_recording():
            yield
            return
        # Exceptions aren't recorded: their messages may quote personal data.
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={"scim.tenant": tenant},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except StorageUnavailable:
                span.set_status(StatusCode.ERROR, "the database is not available")
                raise
