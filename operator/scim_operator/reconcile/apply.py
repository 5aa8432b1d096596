"""Step 3: merge one tenant into the delivered document and write it when something changed.

One process writes (see the documentation of `scim-operator run`); inside it a lock makes each read-modify-write
whole, and resourceVersions refuse it should somebody else have written in between.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from scim_operator.api import ObjectKey
from scim_operator.cluster import ClusterClient, ClusterConflict, ClusterUnavailable
from scim_operator.plan import TenantPlan, assemble, plan_tenant
from scim_operator.reconcile.document import (
    Delivered,
    DocumentNames,
    DocumentTooLarge,
    StoredDocument,
    document_objects,
    read_document,
)
from scim_operator.reconcile.gather import Gathered, gather
from scim_server.config import ConfigBundle, new_token_key

_ATTEMPTS = 5

_T = TypeVar("_T")

log = logging.getLogger(__name__)


class TenantDoesNotFit(Exception):
    """With this tenant as planned the document would be too large; the one before stays."""

    def __init__(self, plan: TenantPlan, message: str) -> None:
        self.plan = plan
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Applied:
    """The plan of one tenant and the document that holds it. `changed`: this tenant's part is new in it."""

    plan: TenantPlan
    bundle: ConfigBundle
    changed: bool


class DocumentStore:
    """The ConfigMap and the Secret. Methods raise `ClusterError` and `DocumentTooLarge`."""

    def __init__(
        self,
        client: ClusterClient,
        names: DocumentNames,
        floor: Callable[[], int],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`floor` tells the highest revision that any server has seen: a new one must be higher."""
        self._client = client
        self._names = names
        self._floor = floor
        self._now = now
        self._lock = asyncio.Lock()
        self._read: StoredDocument | None = None
        self._bundle: tuple[StoredDocument, ConfigBundle] | None = None

    async def open(self) -> tuple[ConfigBundle, frozenset[ObjectKey]]:
        """The document, made from all configs when it is missing or damaged, and the tenants it holds."""
        async with self._lock:
            stored = await self._retrying(self._intact)
            return self._bundle_of(stored), frozenset(stored.tenants)

    async def merge(self, gathered: Gathered) -> Applied:
        """Plan the tenant against what is delivered, and write the document if that changes it.

        Raises `TenantDoesNotFit` also.
        """
        async with self._lock:
            return await self._retrying(lambda: self._merge(gathered))

    async def raise_revision(self, above: int) -> ConfigBundle:
        """Write the same content with a revision higher than `above`, which a server has seen."""
        async with self._lock:
            return await self._retrying(lambda: self._raise(above))

    async def _merge(self, gathered: Gathered) -> Applied:
        stored = await self._intact()
        before = stored.tenants.get(gathered.key)
        plan = plan_tenant(gathered.inputs(_key_of(stored), before, self._now()))
        after = Delivered(plan.tenant, plan.digests) if plan.tenant is not None else None
        if before == after:
            return Applied(plan, self._bundle_of(stored), changed=False)
        tenants = {key: item for key, item in stored.tenants.items() if key != gathered.key}
        if after is not None:
            tenants[gathered.key] = after
        try:
            bundle = await self._write(stored, tenants, _key_of(stored))
        except DocumentTooLarge as error:
            raise TenantDoesNotFit(plan, str(error)) from None
        return Applied(plan, bundle, changed=True)

    async def _raise(self, above: int) -> ConfigBundle:
        stored = await self._intact()
        if stored.revision > above:
            return self._bundle_of(stored)
        return await self._write(stored, stored.tenants, _key_of(stored), above=above)

    async def _intact(self) -> StoredDocument:
        stored = await self._load()
        if not stored.intact:
            stored = await self._rebuild(stored)
        return stored

    async def _rebuild(self, damaged: StoredDocument) -> StoredDocument:
        """Plan every config at once, so that no tenant is missing from the servers meanwhile."""
        exists = damaged.config_map_version is not None or damaged.secret_version is not None
        log.log(
            logging.WARNING if exists else logging.INFO,
            "the document is %s: making it from all ProvisioningConfigs",
            "damaged or half written" if exists else "missing",
        )
        token_key = damaged.token_key or new_token_key()
        tenants: dict[ObjectKey, Delivered] = {}
        for raw in await self._client.list_configs():
            key = ObjectKey(raw["metadata"]["namespace"], raw["metadata"]["name"])
            gathered = await gather(self._client, key)
            plan = plan_tenant(gathered.inputs(token_key, damaged.tenants.get(key), self._now()))
            if plan.tenant is not None:
                tenants[key] = Delivered(plan.tenant, plan.digests)
        await self._write(damaged, tenants, token_key)
        return await self._load()

    async def _load(self) -> StoredDocument:
        config_map, secret = await asyncio.gather(
            self._client.get_config_map(self._names.config_map_key),
            self._client.get_secret(self._names.secret_key),
        )
        versions = tuple(None if raw is None else raw["metadata"]["resourceVersion"] for raw in (config_map, secret))
        if self._read is None or (self._read.config_map_version, self._read.secret_version) != versions:
            self._read = read_document(config_map, secret)
        return self._read

    async def _write(
        self,
        stored: StoredDocument,
        tenants: Mapping[ObjectKey, Delivered],
        token_key: bytes,
        above: int = 0,
    ) -> ConfigBundle:
        """A new revision of the document, holding `tenants`, in place of `stored`."""
        pairs = [(item.tenant, item.digests) for item in tenants.values()]
        bundle = assemble(pairs, token_key, max(stored.revision, self._floor(), above) + 1)
        for body in document_objects(bundle, self._names, stored):
            await self._client.apply(body)
        log.info("revision %d of the document is stored (%d tenants)", bundle.revision, len(pairs))
        return bundle

    def _bundle_of(self, stored: StoredDocument) -> ConfigBundle:
        """Made once per document: validating all tenants takes longer than everything else here."""
        if self._bundle is None or self._bundle[0] is not stored:
            self._bundle = (stored, stored.bundle())
        return self._bundle[1]

    async def _retrying(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        for _ in range(_ATTEMPTS):
            try:
                return await attempt()
            except ClusterConflict as conflict:
                log.warning("the document was written by somebody else meanwhile, reading it again: %s", conflict)
        raise ClusterUnavailable(f"the document was written by somebody else {_ATTEMPTS} times")


def _key_of(stored: StoredDocument) -> bytes:
    if stored.token_key is None:
        raise ValueError("an intact document has a token key")
    return stored.token_key
