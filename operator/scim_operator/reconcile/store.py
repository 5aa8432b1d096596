"""Steps 2 and 4: read what is stored of a shard, and replace it when something changed.

One process writes (see the documentation of `scim-operator run`), and one worker at a time per shard.
resourceVersions refuse a write should another client have written in between.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from scim_operator.api import ObjectKey
from scim_operator.cluster import ClusterClient
from scim_operator.reconcile.fit import Planned, fit
from scim_operator.reconcile.index import Index, index_object, parse_index
from scim_operator.reconcile.shards import (
    EncodedShard,
    ShardNames,
    StoredShard,
    StoredTenants,
    parse_shard,
    shard_of_key,
)
from scim_server.config import SHARDS, new_token_key

_READ_AT_ONCE = 8

log = logging.getLogger(__name__)


class ShardStore:
    """The ConfigMaps and Secrets of the shards, and the index. Methods raise `ClusterError`."""

    def __init__(
        self, client: ClusterClient, names: ShardNames, floor: Callable[[int], int], instance: str = ""
    ) -> None:
        """`floor` tells the highest revision of a shard that any server has seen: a new one must be higher.
        `instance` names this process in what it writes."""
        self._client = client
        self._names = names
        self._floor = floor
        self._instance = instance
        self._known: dict[int, StoredShard] = {}
        """As they were read or written last."""
        self._token_key: bytes | None = None
        self._index: Index | None = None
        """As it was read or written last; None: it has to be read."""
        self._indexing = asyncio.Lock()
        self._former: dict[int, StoredShard] = {}
        """What was delivered before there were shards, as shards: until there is an index."""

    @property
    def token_key(self) -> bytes:
        """Of the installation; after `open`."""
        if self._token_key is None:
            raise ValueError("the store isn't open")
        return self._token_key

    def known(self, shard: int) -> StoredShard | None:
        return self._known.get(shard)

    def since(self, key: ObjectKey) -> int:
        """A replica that runs this revision of the shard or a higher one runs the tenant's part as it is now; 0
        before `open`."""
        known = self._known.get(shard_of_key(key))
        return known.since_revision(key) if known is not None else 0

    def wrote(self, shard: int, kind: str, version: str | None) -> bool:
        """Whether an object of the shard has this version as far as this process has read or written it."""
        known = self._known.get(shard)
        return known is not None and version == (
            known.config_map_version if kind == "ConfigMap" else known.secret_version
        )

    async def open(self) -> list[StoredShard]:
        """Read all shards, and choose the installation's key: that of most of them, else of what was delivered before
        there were shards, else a new one."""
        self._index = parse_index(await self._client.get_config_map(self._names.index_key))
        few = asyncio.Semaphore(_READ_AT_ONCE)

        async def one(shard: int | None) -> StoredShard:
            async with few:
                return await self._read_whole(shard)

        shards = await asyncio.gather(*(one(shard) for shard in SHARDS))
        former = StoredShard(None) if self._index.version is not None else await one(None)
        self._former = _split(former)
        self._token_key = _most_common_key(shards) or former.token_key or new_token_key()
        self._known = {shard: self._checked(shards[shard]) for shard in SHARDS}
        return list(self._known.values())

    async def read(self, shard: int) -> StoredShard:
        """What is there. It is read whole, and decoded, only when its versions aren't those that are known."""
        seen = await asyncio.gather(
            self._client.get_version("ConfigMap", self._names.config_map_key(shard)),
            self._client.get_version("Secret", self._names.secret_key(shard)),
        )
        known = self._known.get(shard)
        if known is None or known.versions != tuple(seen):
            found = self._checked(await self._read_whole(shard))
            if known is not None and found.writer not in (None, self._instance):
                log.warning(
                    "shard %d of the configuration was written by %s while this is %s: run one operator only",
                    shard,
                    found.writer,
                    self._instance,
                )
            known = self._known[shard] = found
        return known

    async def replace(self, stored: StoredShard, planned: Planned, above: int = 0) -> StoredShard:
        """Write the shard with `planned` in place of those parts, as far as that fits, and with a revision higher
        than `above`. Writes nothing where all is so already.

        Raises `ClusterConflict` when `stored` isn't what is there any more, and `ShardTooLarge`.
        """
        shard = stored.shard
        if shard is None:
            raise ValueError("what was there before shards is never written again")
        raised = above >= stored.revision
        if stored.bundle is not None and not raised and _holds(stored.tenants, planned):
            return stored
        revision = max(stored.revision, self._floor(shard), above, self._revision_in_index(shard)) + 1

        def encode(tenants: StoredTenants) -> EncodedShard:
            return EncodedShard.of(shard, tenants, self.token_key, revision, self._instance)

        # Probes are answered while a large one is compressed.
        tenants, encoded = await asyncio.to_thread(fit, stored, planned, encode)
        if stored.bundle is not None and not raised and tenants == stored.tenants:
            return stored
        secret, config_map = [await self._client.apply(body) for body in encoded.objects(self._names, stored)]
        versions = (config_map["metadata"]["resourceVersion"], secret["metadata"]["resourceVersion"])
        self._known[shard] = stored.replaced(encoded, tenants, versions)
        log.info("revision %d of shard %d is stored (%d tenants)", revision, shard, len(tenants))
        return self._known[shard]

    async def write_index(self) -> None:
        """Name in the index what is stored of each shard. One write names all that were replaced meanwhile."""
        async with self._indexing:
            index = self._index
            if index is None:
                index = parse_index(await self._client.get_config_map(self._names.index_key))
            stored = {shard: known.revision for shard, known in self._known.items() if known.bundle is not None}
            wanted = {**index.revisions, **stored}
            if index.version is None or wanted != index.revisions:
                self._index = None  # should the write fail
                written = await self._client.apply(
                    index_object(self._names, replace(index, revisions=wanted), self._instance)
                )
                index = Index(wanted, written["metadata"]["resourceVersion"])
            self._index = index
            self._former = {}

    def reread_index(self, version: str | None) -> bool:
        """The index was seen to have this version. True when that isn't how it was read or written last."""
        if self._indexing.locked() or (self._index is not None and self._index.version == version):
            return False
        self._index = None
        return True

    def _revision_in_index(self, shard: int) -> int:
        return self._index.revisions.get(shard, 0) if self._index is not None else 0

    async def _read_whole(self, shard: int | None) -> StoredShard:
        config_map, secret = await asyncio.gather(
            self._client.get_config_map(self._names.config_map_key(shard)),
            self._client.get_secret(self._names.secret_key(shard)),
        )
        return await asyncio.to_thread(parse_shard, shard, config_map, secret)

    def _checked(self, found: StoredShard) -> StoredShard:
        """Digests under another key than the others' have to be made anew; what isn't there yet is as it was before
        there were shards."""
        if found.bundle is not None and found.token_key == self._token_key:
            return found
        former = self._former.get(found.shard if found.shard is not None else -1, StoredShard(None))
        return replace(
            found,
            bundle=None,
            tenants={**former.tenants, **found.tenants},
            revision=max(former.revision, found.revision),
        )


def _split(former: StoredShard) -> dict[int, StoredShard]:
    found = {}
    for shard in SHARDS:
        tenants = {key: part for key, part in former.tenants.items() if shard_of_key(key) == shard}
        found[shard] = replace(former, shard=shard, tenants=tenants)
    return found


def _most_common_key(shards: Iterable[StoredShard]) -> bytes | None:
    keys = Counter(shard.token_key for shard in shards if shard.token_key is not None)
    return keys.most_common(1)[0][0] if keys else None


def _holds(tenants: StoredTenants, planned: Planned) -> bool:
    return all(tenants.get(key) == part for key, part in planned.items())
