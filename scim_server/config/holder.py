"""The configuration that a server runs, and the rules by which its shards are replaced."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from scim_server.config.bundles import ConfigBundle
from scim_server.config.errors import ConfigError
from scim_server.config.shards import SHARD_COUNT


class Outcome(StrEnum):
    """What became of an offered configuration."""

    ACCEPTED = "Accepted"
    UNCHANGED = "Unchanged"
    """The same revision runs already."""
    STALE = "Stale"
    """A higher revision runs: a lower one never replaces it."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The last configuration that was refused, and why."""

    source: str
    reason: str


class ConfigHolder:
    """Holds the newest of each shard. Swaps are atomic: a reader sees the old or the new configuration whole."""

    def __init__(self) -> None:
        self.shards: Mapping[int, ConfigBundle] = {}
        """Those that came."""
        self.current: ConfigBundle | None = None
        """All shards together; None until the last of them has come."""
        self.source: str | None = None
        self.rejection: Rejection | None = None
        self._listeners: list[Callable[[ConfigBundle], None]] = []

    @property
    def revision(self) -> int:
        """The highest revision that runs; 0 before there is one."""
        return self.current.revision if self.current else 0

    def revision_of(self, shard: int | None) -> int:
        """0 before the shard came. Of the whole (None) the lowest revision of a shard: all of it is that new."""
        if shard is None:
            return min(part.revision for part in self.shards.values()) if self.current else 0
        return self.shards[shard].revision if shard in self.shards else 0

    def subscribe(self, listener: Callable[[ConfigBundle], None]) -> None:
        """`listener` is called, in the same thread, after each swap."""
        self._listeners.append(listener)

    def offer(self, bundle: ConfigBundle, source: str) -> Outcome:
        """Take a shard if its revision is higher than that of the one here; of the whole, those that are newer."""
        return self.take(bundle.parts(), source)

    def take(self, parts: Mapping[int, ConfigBundle], source: str) -> Outcome:
        """In one swap, those of which a lower revision or none is here."""
        newer = {shard: part for shard, part in parts.items() if part.revision > self.revision_of(shard)}
        if not newer:
            lower = any(part.revision < self.revision_of(shard) for shard, part in parts.items())
            return Outcome.STALE if lower else Outcome.UNCHANGED
        self.shards = {**self.shards, **newer}
        self.source, self.rejection = source, None
        if len(self.shards) == SHARD_COUNT:
            self.current = ConfigBundle.together(self.shards.values())
            for listener in self._listeners:
                listener(self.current)
        return Outcome.ACCEPTED

    def refuse(self, error: ConfigError, source: str) -> None:
        """Remember why a configuration was not taken; what runs goes on running."""
        self.rejection = Rejection(source, str(error))
