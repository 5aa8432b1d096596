"""Which lines of the sync log are asked for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from scim_server.storage.ids import is_id

OUTCOMES = {"success": (200, 299), "refused": (400, 499), "error": (500, 599), "failure": (400, 599)}
"""By word, the lowest and the highest status. `refused` was the client's doing, `error` the server's."""

_ANY = (0, 999)


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Of a line. Lines are in the order of their times, those of one time in the order of their ids."""

    time: datetime
    id: str

    def __str__(self) -> str:
        """A cursor."""
        return f"{self.time.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}_{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        time, _, line_id = text.partition("_")
        if not is_id(line_id):
            raise ValueError
        return cls(datetime.strptime(time, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC), line_id)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """All that is given has to be so.

    `user` is an id, a userName or an externalId, and also finds what changed that user's roles. `group` is an id or a
    displayName. `operation`: a part of its words. `outcome`: see `statuses_of`. `since` counts, `until` doesn't.
    """

    since: datetime | None = None
    until: datetime | None = None
    user: str | None = None
    group: str | None = None
    operation: str | None = None
    outcome: str | None = None


def statuses_of(outcome: str | None) -> tuple[int, int]:
    """The lowest and the highest one. Raises ValueError."""
    if outcome is None:
        return _ANY
    if known := OUTCOMES.get(outcome.lower()):
        return known
    if outcome.isascii() and outcome.isdigit() and len(outcome) == 3:
        return int(outcome), int(outcome)
    raise ValueError(f"{', '.join(OUTCOMES)} or a status such as 409 is expected")
