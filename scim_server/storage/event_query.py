"""Which events are asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from scim_server.provisioning.events import EventType


@dataclass(frozen=True, slots=True)
class EventQuery:
    """All that is given has to be so. `user` is an id, a userName or an externalId."""

    user: str | None = None
    types: tuple[EventType, ...] = tuple(EventType)
    since: datetime | None = None


def types_of(patterns: Iterable[str]) -> tuple[EventType, ...]:
    """Of `user.created`, `user.*` and so on; all where there is none. Raises ValueError."""
    found: set[EventType] = set()
    for pattern in patterns:
        matching = {type_ for type_ in EventType if fnmatchcase(type_, pattern)}
        if not matching:
            raise ValueError(f"{pattern[:64]}: a type of events is expected, such as user.created or user.*")
        found |= matching
    return tuple(type_ for type_ in EventType if type_ in found) or tuple(EventType)
