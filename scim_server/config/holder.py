"""The configuration that a server runs, and the rules by which it is replaced."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from scim_server.config.documents import ConfigBundle
from scim_server.config.errors import ConfigError


class Outcome(StrEnum):
    """What became of an offered document."""

    ACCEPTED = "Accepted"
    UNCHANGED = "Unchanged"
    """The same revision runs already."""
    STALE = "Stale"
    """A higher revision runs: a lower one never replaces it."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The last document that was refused, and why."""

    source: str
    reason: str


class ConfigHolder:
    """Holds one valid bundle, or none yet. Swaps are atomic: a reader sees the old or the new one whole."""

    def __init__(self) -> None:
        self.current: ConfigBundle | None = None
        self.source: str | None = None
        self.rejection: Rejection | None = None
        self._listeners: list[Callable[[ConfigBundle], None]] = []

    @property
    def revision(self) -> int:
        """The revision that runs; 0 before the first."""
        return self.current.revision if self.current else 0

    def subscribe(self, listener: Callable[[ConfigBundle], None]) -> None:
        """`listener` is called, in the same thread, after each swap."""
        self._listeners.append(listener)

    def offer(self, bundle: ConfigBundle, source: str) -> Outcome:
        """Take `bundle` if its revision is higher than the one that runs."""
        if self.current is not None:
            if bundle.revision < self.current.revision:
                return Outcome.STALE
            if bundle.revision == self.current.revision:
                return Outcome.UNCHANGED
        self.current, self.source, self.rejection = bundle, source, None
        for listener in self._listeners:
            listener(bundle)
        return Outcome.ACCEPTED

    def refuse(self, error: ConfigError, source: str) -> None:
        """Remember why a document was not taken; what runs goes on running."""
        self.rejection = Rejection(source, str(error))
