"""What the configuration that runs serves, and to whom."""

from collections.abc import Mapping
from dataclasses import dataclass

from scim_server.auth.authenticator import Authenticator
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.replay import ReplayGuard
from scim_server.config import ConfigBundle, ConfigHolder
from scim_server.directory.tenant import ServedTenant, tenants_of


@dataclass(frozen=True, slots=True)
class Served:
    """Replaced as a whole with each configuration: a request never sees parts of two."""

    authenticator: Authenticator
    tenants: Mapping[str, ServedTenant]


class ServedConfig:
    """Follows `holder`. `current` is None until the first configuration."""

    def __init__(self, holder: ConfigHolder, key_cache: KeyCache, replay: ReplayGuard) -> None:
        self._key_cache = key_cache
        self._replay = replay
        self.current: Served | None = None
        if holder.current is not None:
            self._use(holder.current)
        holder.subscribe(self._use)

    def _use(self, bundle: ConfigBundle) -> None:
        self.current = Served(Authenticator(bundle, self._key_cache, self._replay), tenants_of(bundle))
