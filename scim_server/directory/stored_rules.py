"""Stores the rules of tenants in the database. They decide roles, whatever configuration a replica runs."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection

from scim_server.config import Tenant, shard_of
from scim_server.directory.tenant import ServedTenant
from scim_server.provisioning.policy import Policy, is_current
from scim_server.storage.protocol import Storage, Writer

_log = logging.getLogger(__name__)


class StoredRules:
    """One per server."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._stored: set[str] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ensure(self, tenant: ServedTenant) -> None:
        """Before a tenant's first request: its base roles must stand in the database before its first user.

        Raises StorageUnavailable.
        """
        if tenant.key in self._stored:
            return
        async with self._locks[tenant.key]:
            if tenant.key in self._stored:
                return
            stored = await self._storage.read(tenant.key, lambda reader: reader.rules_version())
            if stored is None or not is_current(stored.fingerprint):
                await self.put(tenant.config, Policy.of(tenant.config), tenant.revision)
            self._stored.add(tenant.key)

    async def put(self, tenant: Tenant, rules: Policy, revision: int) -> None:
        """Raises StorageUnavailable."""

        async def work(writer: Writer) -> bool:
            return await writer.put_rules(rules, revision, tenant.uid)

        await self.erase(tenant.key)  # in batches, what of a former tenant of this name is to be erased
        if await self._storage.write(tenant.key, work, exclusive=True):
            _log.info("role rules of %s are of revision %d", tenant.key, revision)

    async def erase(self, key: str) -> None:
        """The data of a tenant that was deleted, if their time has come. Raises StorageUnavailable."""

        async def work(writer: Writer) -> bool:
            return await writer.erase_some()

        erased = False
        while await self._storage.write(key, work, exclusive=True):
            erased = True
        if erased:
            _log.info("the users and groups of %s, which was deleted, are erased", key)

    def are(self, shard: int, tenants: Collection[str]) -> None:
        """The rules of these tenants of the shard are in the database, and those of no others of it."""
        self._stored = {key for key in self._stored if shard_of(key) != shard} | set(tenants)
