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
from scim_operator.reconcile.gather import Gathered, MappingKey, gather_all
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

    `changed`: this tenant's part is new in it. `since`: the revision since which its part is as it is.
    """

    plan: TenantPlan
    bundle: ConfigBundle
    changed: bool
    since: int
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
        instance: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`floor` tells the highest revision that any server has seen: a new one must be higher. `instance` names
        this process in what it writes."""
        self._client = client
        self._names = names
        self._floor = floor
        self._instance = instance
        self._now = now
        self._lock = asyncio.Lock()
        self._known: StoredDocument | None = None
        """As it was read or written last."""
        self._bundle: tuple[StoredDocument, ConfigBundle] | None = None

    async def open(self) -> tuple[ConfigBundle, frozenset[ObjectKey]]:
        """The document, made from all configs when it is missing or damaged, and the tenants it holds."""
        async with self._lock:
            stored = await self._retrying(self._intact)
            return await self._bundle_of(stored), frozenset(stored.tenants)

    async def check(self, kind: str, version: str | None) -> tuple[ConfigBundle, frozenset[ObjectKey]] | None:
        """After the ConfigMap or the Secret was seen to have this version: None when this process wrote or read it.
        Otherwise somebody else changed or deleted it: the document is healed, and the tenants are told whose parts
        aren't what they were."""
        async with self._lock:
            before = self._known
            if before is not None and before.version_of(kind) == version:
                return None
            stored = await self._retrying(self._intact)
            was = before.tenants if before is not None else {}
            keys = (key for key in was.keys() | stored.tenants.keys() if was.get(key) != stored.tenants.get(key))
            return await self._bundle_of(stored), frozenset(keys)

    async def merge(self, gathered: Gathered) -> Applied:
        """Plan the tenant against what is delivered, and write the document if that changes it."""
        async with self._lock:
            return await self._retrying(lambda: self._merge(gathered))

    async def raise_revision(self, above: int) -> ConfigBundle:
        """Write the same content with a revision higher than `above`, which a server has seen."""
        async with self._lock:
            return await self._retrying(lambda: self._raise(above))

    def since(self, key: ObjectKey) -> int:
        """A replica that runs this revision or a higher one runs the tenant's part as it is now; 0 before `open`."""
        return self._known.since_revision(key) if self._known is not None else 0

    async def _merge(self, gathered: Gathered) -> Applied:
        stored = await self._intact()
        before = stored.tenants.get(gathered.key)
        plan = plan_tenant(gathered.inputs(_key_of(stored), before, self._now()))
        planned = Delivered.of(plan)
        if before == planned:
            since = stored.since_revision(gathered.key)
            return Applied(plan, await self._bundle_of(stored), changed=False, since=since)
        try:
            bundle = await self._replace(stored, gathered.key, planned, keep_free=KEPT_FOR_REMOVALS if planned else 0)
        except DocumentTooLarge as error:
            return await self._merge_less(stored, gathered.key, plan, error)
        return Applied(plan, bundle, changed=True, since=bundle.revision)

    async def _merge_less(
        self, stored: StoredDocument, key: ObjectKey, plan: TenantPlan, shortage: DocumentTooLarge
    ) -> Applied:
        """What was removed goes even when there is no room for the rest; at last with the whole tenant."""
        before = stored.tenants.get(key)
        less = before.narrowed_to(plan) if before is not None else None
        try:
            bundle = await self._bundle_of(stored) if less == before else await self._replace(stored, key, less)
        except DocumentTooLarge:
            less = None
            bundle = await self._replace(stored, key, less)
        delivered = less.tenant if less is not None else None
        withheld = Withheld.of(plan.tenant, delivered)
        if withheld is not None:
            log.error("%s: there is no room: all of it would make %d bytes", key, shortage.size)
        return Applied(
            plan if withheld is None else delivered_plan(plan, delivered),
            bundle,
            changed=less != before,
            since=stored.since_revision(key) if less == before else bundle.revision,
            shortage=_shortage(withheld, str(shortage)) if withheld is not None else None,
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
            return await self._bundle_of(stored)
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
        # Those that were deleted meanwhile come last.
        for gathered in await gather_all(self._client, damaged.tenants):
            key = gathered.key
            before = damaged.tenants.get(key)
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
        return self._just_written()

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
        """What is there. It is read whole, and decoded, only when its versions aren't those that are known."""
        names = self._names
        seen = await asyncio.gather(
            self._client.get_version("ConfigMap", names.config_map_key),
            self._client.get_version("Secret", names.secret_key),
        )
        if self._known is None or self._known.versions != tuple(seen):
            config_map, secret = await asyncio.gather(
                self._client.get_config_map(names.config_map_key), self._client.get_secret(names.secret_key)
            )
            stored = await asyncio.to_thread(read_document, config_map, secret)
            self._warn_of_others(stored)
            self._known = stored
        return self._known

    def _just_written(self) -> StoredDocument:
        if self._known is None:
            raise ValueError("nothing was written")
        return self._known

    def _warn_of_others(self, stored: StoredDocument) -> None:
        """A document that another process wrote while this one was at it means that two run."""
        if self._known is not None and stored.writer not in (None, self._instance):
            log.warning(
                "the document was written by %s while this is %s: run one operator only",
                stored.writer,
                self._instance,
            )

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
        secret, config_map = [await self._client.apply(body) for body in bodies]
        versions = (config_map["metadata"]["resourceVersion"], secret["metadata"]["resourceVersion"])
        self._known = stored.replaced(bundle, tenants, versions, self._instance)
        self._bundle = (self._known, bundle)
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
        return bundle, document_objects(bundle, self._names, stored, writer=self._instance, keep_free=keep_free)

    async def _bundle_of(self, stored: StoredDocument) -> ConfigBundle:
        """Made once per document, in a thread: validating all tenants takes longer than everything else here."""
        if self._bundle is None or self._bundle[0] is not stored:
            self._bundle = (stored, await asyncio.to_thread(stored.bundle))
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
