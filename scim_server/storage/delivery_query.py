"""Which deliveries are asked for, and which events are to be delivered once more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from scim_server.storage.records import DeliveryState


@dataclass(frozen=True, slots=True)
class DeliveryPosition:
    """Deliveries are in the order of their events, the newest first, those of one event by webhook."""

    position: int
    webhook: str

    def __str__(self) -> str:
        """A cursor."""
        return f"{self.position}.{self.webhook}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        position, _, webhook = text.partition(".")
        return cls(int(position), webhook)


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """All that is given has to be so. `since` counts, `until` doesn't: of the event's time, both."""

    webhook: str | None = None
    state: DeliveryState | None = None
    event: str | None = None
    """Its id."""
    user: str | None = None
    """The id of the user or group that the event is about."""
    since: datetime | None = None
    until: datetime | None = None
    after: DeliveryPosition | None = None
    """Only what follows it: the next page."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One event, or those between two times; at one webhook, or at all that it is for."""

    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    webhook: str | None = None


ANY_TIME = Replay()
