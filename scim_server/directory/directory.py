"""What every use case needs: the storage, and the rules that decide roles."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from scim_server.clock import Clock, utc_now
from scim_server.directory.anchors import Anchors
from scim_server.directory.caller import Caller
from scim_server.directory.policy_cache import PolicyCache
from scim_server.directory.stored_rules import StoredRules
from scim_server.storage.protocol import Reader, Storage, Writer
from scim_server.storage.records import Document, UserRecord

T = TypeVar("T")


class Directory:
    """One per server. Work on a tenant goes through here, so that its rules are in the database first."""

    def __init__(self, storage: Storage, stored_rules: StoredRules, clock: Clock = utc_now) -> None:
        self._storage = storage
        self.now = clock
        self._stored_rules = stored_rules
        self.policies = PolicyCache()
        self.anchors = Anchors()

    async def read(self, caller: Caller, work: Callable[[Reader], Awaitable[T]], *, snapshot: bool = False) -> T:
        """`Storage.read` for the caller's tenant. Raises StorageUnavailable."""
        await self._stored_rules.ensure(caller.tenant)
        return await self._storage.read(caller.tenant.key, work, snapshot=snapshot)

    async def write(self, caller: Caller, work: Callable[[Writer], Awaitable[T]]) -> T:
        """`Storage.write` for the caller's tenant: `work` must be repeatable. Raises StorageUnavailable."""
        await self._stored_rules.ensure(caller.tenant)
        return await self._storage.write(caller.tenant.key, work, caller.cause)

    async def insert_user(self, caller: Caller, document: Document, active: bool) -> UserRecord:
        """`Storage.insert_user` for the caller's tenant. Raises UserNameTaken, StorageUnavailable."""
        await self._stored_rules.ensure(caller.tenant)
        return await self._storage.insert_user(caller.tenant.key, document, active, caller.cause)
