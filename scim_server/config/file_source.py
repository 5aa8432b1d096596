"""Configuration from mounted files: what a replica reads at start, and what heals a missed push.

    DIR/config/server-config-NN.json.gz     mounted ConfigMaps, one for each shard
    DIR/secrets/server-secrets-NN.json      mounted Secrets, likewise

Beside them, or instead, `server-config.json.gz` and `server-secrets.json` with the whole configuration, as operators
wrote it before there were shards.

The kubelet updates each of the two mounts by swapping the symbolic link `..data` in it, at times of its own: a
pair of unequal revisions waits for its other half.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from watchfiles import awatch

from scim_server.config.bundles import ConfigBundle, decode_config, decode_secrets
from scim_server.config.errors import ConfigError
from scim_server.config.shards import SHARDS, config_file, secrets_file

_log = logging.getLogger(__name__)

_LOOK_EVERY_MS = 5_000
"""Without a notification: file systems exist that send none."""
_RETRY_SECONDS = 1.0


class FileSource:
    """Watches the files below `directory`.

    Each new valid pair is given to `offer`, which answers whether it could be decided on (False: ask again
    soon); each broken one to `refuse`, once.
    """

    def __init__(
        self,
        directory: Path,
        offer: Callable[[ConfigBundle], Awaitable[bool]],
        refuse: Callable[[ConfigError], None],
    ) -> None:
        self._directory = directory
        # The whole last: of it only those shards count that have no file of their own.
        self._pairs = [_Pair(directory, shard, offer, refuse) for shard in (*SHARDS, None)]

    async def run(self) -> None:
        """Look now, and whenever something changes, until cancelled."""
        await self._decide()
        async for _ in awatch(
            self._directory, watch_filter=None, rust_timeout=_LOOK_EVERY_MS, yield_on_timeout=True, step=20
        ):
            await self._decide()

    async def _decide(self) -> None:
        decided = await self.look()
        while not decided:
            await asyncio.sleep(_RETRY_SECONDS)
            decided = await self.look()

    async def look(self) -> bool:
        """Read all files once. False: a valid pair was offered and could not be decided on yet."""
        return all([await pair.look() for pair in self._pairs])


class _Pair:
    """The two files of one shard, or of the whole (None)."""

    def __init__(
        self,
        directory: Path,
        shard: int | None,
        offer: Callable[[ConfigBundle], Awaitable[bool]],
        refuse: Callable[[ConfigError], None],
    ) -> None:
        self._config = directory / "config" / config_file(shard)
        self._secrets = directory / "secrets" / secrets_file(shard)
        self._shard = shard
        self._offer = offer
        self._refuse = refuse
        self._decided: tuple[bytes, bytes] | None = None
        self._waiting = False

    async def look(self) -> bool:
        """As `FileSource.look`."""
        try:
            pair = self._config.read_bytes(), self._secrets.read_bytes()
        except FileNotFoundError:
            return True
        except OSError as error:
            self._refuse(ConfigError(f"{error.filename}: {error.strerror}"))
            return True
        if pair == self._decided:
            return True
        try:
            config, secrets = decode_config(pair[0]), decode_secrets(pair[1])
            if config.revision != secrets.revision:
                if not self._waiting:
                    name, revisions = self._config.name, (config.revision, secrets.revision)
                    _log.info("%s has revision %d, its secrets %d: waiting", name, *revisions)
                self._waiting = True
                return True
            bundle = ConfigBundle.of(config, secrets)
            if bundle.shard != self._shard:
                raise ConfigError(f"{self._config.name}: holds shard {bundle.shard}")
        except ConfigError as error:
            self._decided = pair
            self._refuse(error)
            return True
        self._waiting = False
        if not await self._offer(bundle):
            return False
        self._decided = pair
        return True
