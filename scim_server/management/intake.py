"""Decides on every offered configuration, whether it was pushed or read from files."""

import logging
from collections.abc import Mapping

from scim_server.config import SHARDS, ConfigBundle, ConfigError, ConfigHolder, Outcome, shard_of
from scim_server.metrics import Metrics
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage

_log = logging.getLogger(__name__)


class Stale(Exception):
    """A shard is older than `floor`, or another configuration of that same revision runs."""

    def __init__(self, floor: int, reason: str) -> None:
        super().__init__(reason)
        self.floor = floor
        self.reason = reason


class Intake:
    """The rule that a lower revision of a shard never replaces a higher one, across restarts and replicas.

    The database remembers the highest revision that any replica has run for each tenant. A replica that starts with
    files which are older than that would accept tokens that were removed since: it stays without configuration until
    newer files or a push arrive.
    """

    def __init__(self, holder: ConfigHolder, storage: Storage, metrics: Metrics) -> None:
        self._holder = holder
        self._storage = storage
        self._metrics = metrics
        self._seen: dict[int, int] | None = None

    async def floors(self) -> Mapping[int, int]:
        """The highest revision known of each shard. Raises StorageUnavailable when the database was never reached."""
        try:
            seen = self._seen or dict.fromkeys(SHARDS, 0)
            for tenant, revision in (await self._storage.revisions()).items():
                shard = shard_of(tenant)
                seen[shard] = max(seen[shard], revision)
            self._seen = seen
        except StorageUnavailable:
            if self._seen is None and self._holder.current is None:
                raise
        return {shard: max((self._seen or {}).get(shard, 0), self._holder.revision_of(shard)) for shard in SHARDS}

    async def floor(self) -> int:
        """The highest of all shards: a whole configuration that is newer than this is newer in each of them."""
        return max((await self.floors()).values())

    async def offer(self, bundle: ConfigBundle, source: str) -> Outcome:
        """Run `bundle` where it is new; `Outcome.UNCHANGED` when it runs already.

        Raises `Stale`, and StorageUnavailable when the floors aren't known. Of a whole configuration of which some
        shards are stale, the others are taken nevertheless.
        """
        floors = await self.floors()
        stale: dict[int, str] = {}
        fresh: dict[int, ConfigBundle] = {}
        for shard, part in bundle.parts().items():
            running = self._holder.shards.get(shard)
            if part.revision < floors[shard]:
                stale[shard] = f"revision {part.revision} is older than {floors[shard]}, which has been in use"
            elif running is not None and part.revision == running.revision and part != running:
                stale[shard] = f"another configuration of revision {part.revision} runs: a higher one is expected"
            else:
                fresh[shard] = part
        outcome = self._holder.take(fresh, source)
        if outcome is Outcome.ACCEPTED:
            self._tell(fresh, source)
        if stale:
            worst = max(stale, key=lambda shard: floors[shard])
            raise Stale(floors[worst], stale[worst])
        return outcome

    def _tell(self, taken: Mapping[int, ConfigBundle], source: str) -> None:
        """Of the shards that run from now on."""
        which = f"shard {min(taken)}" if len(taken) == 1 else f"{len(taken)} shards"
        revision = max(part.revision for part in taken.values())
        _log.info("configuration of revision %d runs (%s), from %s", revision, which, source)
        tenants = self._holder.current.config.tenants if self._holder.current else ()
        self._metrics.use_config(
            {shard: part.revision for shard, part in self._holder.shards.items()},
            {tenant.key for tenant in tenants if not tenant.deleted},
        )

    def refuse(self, error: ConfigError, source: str) -> None:
        """Keep the reason for the status; what runs goes on."""
        _log.error("configuration from %s refused: %s", source, error)
        self._metrics.config_rejections.labels(source).inc()
        self._holder.refuse(error, source)

    async def offer_file(self, bundle: ConfigBundle) -> bool:
        """For `FileSource`. False: the database has to be asked first, and is away."""
        try:
            await self.offer(bundle, "file")
        except StorageUnavailable:
            return False
        except Stale as stale:
            # Files that are behind a push are what the kubelet's delay looks like: no error while one runs.
            if self._holder.current is None:
                self.refuse(ConfigError(stale.reason), "file")
        return True

    def refuse_file(self, error: ConfigError) -> None:
        self.refuse(error, "file")
