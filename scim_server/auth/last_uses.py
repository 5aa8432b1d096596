"""When each credential was used last: noted in memory, and written to the database at most once a minute."""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from scim_server.config import ConfigBundle, ConfigHolder
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Storage
from scim_server.storage.records import CredentialUses

_log = logging.getLogger(__name__)

_WRITE_EVERY_SECONDS = 60.0
_LAST_WRITE_SECONDS = 5.0
"""How long a server that ends waits for the database."""


class LastUses:
    """Of this replica; the database has those of all. `run` is its background task.

    A replica that is killed loses what it noted within the last minute.
    """

    def __init__(self, storage: Storage, holder: ConfigHolder) -> None:
        self._storage = storage
        self._noted: dict[tuple[str, str], float] = {}
        """Seconds since 1970. They stay after they were written: a time that is shown never goes back."""
        self._written: dict[tuple[str, str], float] = {}
        self._objects: dict[str, str | None] = {}
        """By tenant, the uid of its ProvisioningConfig."""
        holder.subscribe(self._forget_others)

    def note(self, tenant: str, credential: str) -> None:
        """It is used now: called for each request, so as cheap as can be."""
        self._noted[tenant, credential] = time.time()

    def with_noted(self, stored: CredentialUses) -> CredentialUses:
        """The latest of what the database has and of what was noted here."""
        latest = dict(stored)
        for key, used in _times(self._noted.items()):
            latest[key] = max(used, latest.get(key, used))
        return latest

    async def run(self, every: float = _WRITE_EVERY_SECONDS) -> None:
        """Write what is new, until cancelled."""
        while True:
            await asyncio.sleep(every)
            try:
                await self._write()
            except StorageUnavailable as error:
                _log.warning("when credentials were used last can't be written, trying again: %s", error)
            except Exception:
                _log.exception("when credentials were used last could not be written, trying again")

    async def close(self) -> None:
        """Write what is new, if the database answers."""
        try:
            async with asyncio.timeout(_LAST_WRITE_SECONDS):
                await self._write()
        except (StorageUnavailable, TimeoutError) as error:
            _log.warning("when credentials were used last could not be written: %s", error)

    async def _write(self) -> None:
        new = {key: noted for key, noted in self._noted.items() if noted != self._written.get(key)}
        if new:
            await self._storage.note_uses(dict(_times(new.items())))
            self._written |= new

    def _forget_others(self, bundle: ConfigBundle) -> None:
        """Of tenants that are gone: another one of that name begins anew."""
        before = self._objects
        self._objects = {tenant.key: tenant.uid for tenant in bundle.config.tenants if not tenant.deleted}
        stay = {key for key, uid in self._objects.items() if before.get(key, uid) == uid}
        for known in (self._noted, self._written):
            for key in [key for key in known if key[0] not in stay]:
                del known[key]


def _times(noted: Iterable[tuple[tuple[str, str], float]]) -> Iterable[tuple[tuple[str, str], datetime]]:
    return ((key, datetime.fromtimestamp(seconds, UTC)) for key, seconds in noted)
