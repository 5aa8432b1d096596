"""What both storages have in common: the one commit path, and what concerns all tenants together."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

from scim_server.clock import Clock
from scim_server.provisioning.cause import BY_MAPPING, Cause
from scim_server.storage.effects import Effects
from scim_server.storage.policies import Policies
from scim_server.storage.reader import Reader
from scim_server.storage.records import CredentialUses, Document, StoredWebhook, UserRecord
from scim_server.storage.session import Session, Transaction
from scim_server.storage.tables import (
    captures,
    credential_uses,
    departures,
    due,
    pending_users,
    profiles,
    recorded,
    revisions,
    roles,
    sync_log,
    tenants,
    users,
    webhooks,
)
from scim_server.storage.tables.captures import Capture
from scim_server.storage.tables.recorded import Recorded
from scim_server.storage.tables.sync_log import LogLine
from scim_server.storage.writer import Writer

T = TypeVar("T")

Record: TypeAlias = Callable[[Transaction], Awaitable[Recorded]]
"""What follows from a transaction's effects, and is written in the same transaction: `changes.record`."""


class BaseStorage(ABC):
    """The parts of `protocol.Storage` that don't depend on the database."""

    def __init__(self, record: Record, clock: Clock) -> None:
        self._record = record
        self._clock = clock
        self._policies = Policies()
        self._listeners: list[Callable[[str, Effects], None]] = []

    def subscribe(self, listener: Callable[[str, Effects], None]) -> None:
        self._listeners.append(listener)

    async def read(self, tenant: str, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        async def on(session: Session) -> T:
            return await work(Reader(session))

        return await self._read(tenant, on, snapshot=snapshot)

    async def write(
        self,
        tenant: str,
        work: Callable[[Writer], Awaitable[T]],
        cause: Cause = BY_MAPPING,
        *,
        exclusive: bool = False,
    ) -> T:
        async def step(tx: Transaction) -> T:
            return await work(Writer(tx))

        return await self._commit(tenant, step, cause, exclusive=exclusive)

    async def insert_user(
        self, tenant: str, document: Document, active: bool, cause: Cause = BY_MAPPING
    ) -> UserRecord:
        return await self.write(tenant, lambda writer: writer.insert_user(document, active), cause)

    async def use_assertion(self, tenant: str, assertion: bytes, expires: datetime) -> bool:
        return await self.write(tenant, lambda writer: writer.use_assertion(assertion, expires))

    async def note_uses(self, uses: CredentialUses) -> None:
        await self._commit_all(lambda tx: credential_uses.note(tx, uses))

    async def uses(self) -> CredentialUses:
        return await self._read_all(credential_uses.of_all)

    async def log_refused(self, tenant: str, lines: Sequence[LogLine]) -> None:
        await self._commit(tenant, lambda tx: sync_log.append(tx, lines), BY_MAPPING, exclusive=False)

    async def keep_captures(self, tenant: str, captures_: Sequence[Capture]) -> None:
        await self._commit(tenant, lambda tx: captures.add(tx, captures_), BY_MAPPING, exclusive=False)

    async def tenants(self) -> Sequence[str]:
        return await self._read_all(tenants.present)

    async def revisions(self) -> Mapping[str, int]:
        return await self._read_all(revisions.of_all)

    async def raise_revisions(
        self, fingerprints: Mapping[str, str], revision: int, uids: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        return await self._commit_all(lambda tx: revisions.raise_all(tx, fingerprints, revision, uids or {}))

    async def pending_tenants(self) -> Sequence[str]:
        return await self._read_all(pending_users.tenants)

    async def tenants_without_reasons(self) -> Sequence[str]:
        return await self._read_all(roles.tenants_without_reasons)

    async def tenants_with_pending_profiles(self) -> Sequence[str]:
        return await self._read_all(profiles.tenants)

    async def tenants_to_erase(self) -> Sequence[str]:
        return await self._read_all(lambda session: departures.to_erase(session, self._clock()))

    async def due_tenants(self) -> Sequence[str]:
        return await self._read_all(lambda session: due.tenants(session, self._clock()))

    async def next_due(self) -> datetime | None:
        return await self._read_all(lambda session: due.next_time(session, self._clock()))

    async def overwrite_erased(self) -> bool:
        return True

    async def tenants_with_unlike_states(self) -> Sequence[str]:
        return await self._read_all(users.tenants_with_unlike_states)

    async def webhooks(self) -> Sequence[StoredWebhook]:
        return await self._read_all(webhooks.of_all)

    async def beat_webhooks(self, owner: str) -> None:
        await self._commit_all(lambda tx: webhooks.beat(tx, owner))

    async def _read_all(self, work: Callable[[Session], Awaitable[T]]) -> T:
        return await self._read("", work, snapshot=False)

    async def _commit_all(self, step: Callable[[Transaction], Awaitable[T]]) -> T:
        return await self._commit("", step, BY_MAPPING, exclusive=False)

    async def _run(self, tx: Transaction, step: Callable[[Transaction], Awaitable[T]]) -> T:
        """All of a transaction but its beginning and its end: every commit comes by here."""
        result = await step(tx)
        await recorded.write(tx, await self._record(tx))
        return result

    def _committed(self, tenant: str, effects: Effects) -> None:
        if effects.all:
            for listener in self._listeners:
                listener(tenant, effects)

    @abstractmethod
    async def _read(self, tenant: str, work: Callable[[Session], Awaitable[T]], *, snapshot: bool) -> T: ...

    @abstractmethod
    async def _commit(
        self, tenant: str, step: Callable[[Transaction], Awaitable[T]], cause: Cause, *, exclusive: bool
    ) -> T:
        """One transaction, with `_run` in it and `_committed` after it."""
        ...
