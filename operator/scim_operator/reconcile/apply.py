"""Step 3: merge one tenant into the delivered document and write it when something changed.

One process writes (see the documentation of `scim-operator run`); inside it a lock makes each read-modify-write
whole, and resourceVersions refuse it should somebody else have written in between.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from scim_operator.api import ObjectKey
from scim_operator.cluster import ClusterClient, ClusterConflict, ClusterUnavailable, JsonObject
from scim_operator.plan import TenantPlan, Withheld, assemble, delivered_plan, plan_tenant
from scim_operator.reconcile.document import (
    KEPT_FOR_REMOVALS,
    Delivered,
    DocumentNames,
    DocumentTooLarge,
    StoredDocument,
    document_objects,
    read_document,
)
from scim_operator.reconcile.fitting import Step, longest_fitting
from scim_operator.reconcile.gather import Gathered, MappingKey, gather
from scim_server.config import ConfigBundle, new_token_key

_ATTEMPTS = 5

_T = TypeVar("_T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Something has no room in the document. `message` says how large that would be, and what is not in effect."""

    mappings: frozenset[MappingKey]
    """Of which something is missing."""

    message: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The plan of one tenant and the document that holds it, or as much of it as `shortage` leaves.

    `changed`: this tenant's part is new in it.
    """

    plan: TenantPlan
    bundle: ConfigBundle
    changed: bool
    shortage: Shortage | None = None

    @property
    def departed(self) -> bool:
        """The document says that the config is deleted."""
        return self.plan.tenant is not None and self.plan.tenant.deleted


class DocumentStore:
    """The ConfigMap and the Secret. Methods raise `ClusterError`, and `DocumentTooLarge` when not even less fits."""

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
        """Plan the tenant against what is delivered, and write the document if that changes it."""
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
        planned = Delivered.of(plan)
        if before == planned:
            return Applied(plan, self._bundle_of(stored), changed=False)
        try:
            bundle = await self._replace(stored, gathered.key, planned, keep_free=KEPT_FOR_REMOVALS if planned else 0)
        except DocumentTooLarge as error:
            return await self._merge_less(stored, gathered.key, plan, str(error))
        return Applied(plan, bundle, changed=True)

    async def _merge_less(self, stored: StoredDocument, key: ObjectKey, plan: TenantPlan, message: str) -> Applied:
        """What was removed goes even when there is no room for the rest; at last with the whole tenant."""
        before = stored.tenants.get(key)
        less = before.narrowed_to(plan) if before is not None else None
        try:
            bundle = self._bundle_of(stored) if less == before else await self._replace(stored, key, less)
        except DocumentTooLarge:
            less = None
            bundle = await self._replace(stored, key, less)
        delivered = less.tenant if less is not None else None
        withheld = Withheld.of(plan.tenant, delivered)
        return Applied(
            plan if withheld is None else delivered_plan(plan, delivered),
            bundle,
            changed=less != before,
            shortage=_shortage(withheld, message) if withheld is not None else None,
        )

    async def _replace(
        self, stored: StoredDocument, key: ObjectKey, part: Delivered | None, keep_free: int = 0
    ) -> ConfigBundle:
        """Write the document with another part for one tenant."""
        tenants = {other: item for other, item in stored.tenants.items() if other != key}
        if part is not None:
            tenants[key] = part
        return await self._write(stored, tenants, _key_of(stored), keep_free=keep_free)

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
        less: list[Step] = []
        whole: list[Step] = []
        keys = [ObjectKey.of(raw) for raw in sorted(await self._client.list_configs(), key=_age)]
        # Those that were deleted meanwhile come last.
        for key in dict.fromkeys((*keys, *sorted(damaged.tenants))):
            before = damaged.tenants.get(key)
            gathered = await gather(self._client, key)
            plan = plan_tenant(gathered.inputs(token_key, before, self._now()))
            planned = Delivered.of(plan)
            narrow = before.narrowed_to(plan) if before is not None else None
            less += [(key, narrow)] if narrow is not None else []
            whole += [(key, planned)] if planned is not None else []
        tenants = await asyncio.to_thread(self._fitting, damaged, token_key, less, whole)
        for key, planned in whole:
            if tenants.get(key) != planned:
                log.error("the document has no room for all of %s", key)
        await self._write(damaged, tenants, token_key)
        return await self._load()

    def _fitting(
        self, damaged: StoredDocument, token_key: bytes, less: Sequence[Step], whole: Sequence[Step]
    ) -> dict[ObjectKey, Delivered]:
        """Everything when it fits. Otherwise what was delivered before, less what was removed, and of the rest the
        oldest."""
        if not less and not whole:
            return {}
        steps = (*less, *whole)

        def fits(count: int) -> bool:
            keep_free = KEPT_FOR_REMOVALS if count > len(less) else 0
            try:
                self._document(damaged, dict(steps[:count]), token_key, damaged.revision + 1, keep_free)
            except DocumentTooLarge:
                return False
            return True

        return longest_fitting(steps, fits)

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
        *,
        above: int = 0,
        keep_free: int = 0,
    ) -> ConfigBundle:
        """A new revision of the document, holding `tenants`, in place of `stored`."""
        revision = max(stored.revision, self._floor(), above) + 1
        # A large one takes a second to compress: probes are answered meanwhile.
        bundle, bodies = await asyncio.to_thread(self._document, stored, tenants, token_key, revision, keep_free)
        for body in bodies:
            await self._client.apply(body)
        log.info("revision %d of the document is stored (%d tenants)", bundle.revision, len(tenants))
        return bundle

    def _document(
        self,
        stored: StoredDocument,
        tenants: Mapping[ObjectKey, Delivered],
        token_key: bytes,
        revision: int,
        keep_free: int,
    ) -> tuple[ConfigBundle, tuple[JsonObject, JsonObject]]:
        bundle = assemble(((item.tenant, item.digests) for item in tenants.values()), token_key, revision)
        return bundle, document_objects(bundle, self._names, stored, keep_free=keep_free)

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


def _shortage(withheld: Withheld, message: str) -> Shortage:
    return Shortage(withheld.mappings, f"{message}; not in effect as declared: {withheld.description}")


def _age(raw: JsonObject) -> tuple[str, str, str]:
    """The oldest first, as where mappings conflict. RFC 3339 in UTC sorts as text."""
    metadata = raw["metadata"]
    return metadata["creationTimestamp"], metadata["namespace"], metadata["name"]
