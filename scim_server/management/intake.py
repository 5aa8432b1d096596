"""Decides on every offered configuration, whether it was pushed or read from files."""

import logging

from scim_server.config import ConfigBundle, ConfigError, ConfigHolder, Outcome
from scim_server.metrics import Metrics
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage

_log = logging.getLogger(__name__)


class Stale(Exception):
    """The document is older than `floor`, or another document of that same revision runs."""

    def __init__(self, floor: int, reason: str) -> None:
        super().__init__(reason)
        self.floor = floor
        self.reason = reason


class Intake:
    """The rule that a lower revision never replaces a higher one, across restarts and replicas.

    The database remembers the highest revision that any replica has run. A replica that starts with files
    which are older than that would accept tokens that were removed since: it stays without configuration until
    newer files or a push arrive.
    """

    def __init__(self, holder: ConfigHolder, storage: Storage, metrics: Metrics) -> None:
        self._holder = holder
        self._storage = storage
        self._metrics = metrics
        self._seen: int | None = None

    async def floor(self) -> int:
        """The highest revision known. Raises StorageUnavailable when the database was never reached."""
        try:
            self._seen = max(self._seen or 0, await self._storage.highest_revision())
        except StorageUnavailable:
            if self._seen is None and self._holder.current is None:
                raise
        return max(self._seen or 0, self._holder.revision)

    async def offer(self, bundle: ConfigBundle, source: str) -> Outcome:
        """Run `bundle` if it is new; `Outcome.UNCHANGED` when it runs already.

        Raises `Stale`, and StorageUnavailable when the floor isn't known.
        """
        floor = await self.floor()
        if bundle.revision < floor:
            raise Stale(floor, f"revision {bundle.revision} is older than {floor}, which has been in use")
        if bundle.revision == self._holder.revision and bundle != self._holder.current:
            raise Stale(floor, f"another document of revision {bundle.revision} runs: a higher one is expected")
        outcome = self._holder.offer(bundle, source)
        if outcome is Outcome.ACCEPTED:
            _log.info("configuration of revision %d runs, from %s", bundle.revision, source)
            self._metrics.use_config(
                bundle.revision, {tenant.key for tenant in bundle.config.tenants if not tenant.deleted}
            )
        return outcome

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
