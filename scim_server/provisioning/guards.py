"""How much may change at once before it is held: the limits, and who is protected. Pure.

An effect is held, not the request: the provider is answered as always, and SCIM shows what it set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from scim_server.config import DeactivationLimit, RoleChangeLimit, Safety
from scim_server.folding import identity_of

_PARTS = 60
"""Of a window. Deactivations of one part are counted together, and forgotten when the last of them is old enough."""

DISCARDED = "discarded"
"""Instead of a hold's id: the hold is decided, and the user stays active until the provider's next change."""


class HoldKind(StrEnum):
    DEACTIVATIONS = "deactivations"
    """More users than the limit were set inactive or deleted."""
    ROLES = "roles"
    """More users than the limit lose roles by a change of mappings."""
    PROTECTED = "protected"
    """Protected users were set inactive or deleted."""


@dataclass(frozen=True, slots=True)
class _Part:
    began: datetime
    last: datetime
    deactivated: int
    active: int
    """How many users were active when it began."""


@dataclass(frozen=True, slots=True)
class Window:
    """The deactivations of the last `per` that took effect."""

    parts: tuple[_Part, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> "Window":
        return cls(tuple(_Part(_time(began), _time(last), *counts) for began, last, *counts in orjson.loads(text)))

    def to_json(self) -> str:
        rows = [[_number(part.began), _number(part.last), part.deactivated, part.active] for part in self.parts]
        return orjson.dumps(rows).decode()

    def within(self, now: datetime, limit: DeactivationLimit) -> "Window":
        """What is still counted at `now`."""
        after = now - timedelta(seconds=limit.per_seconds)
        return Window(tuple(part for part in self.parts if part.last > after))

    def begins_part(self, now: datetime, limit: DeactivationLimit) -> bool:
        """Whether the next deactivation needs the number of active users."""
        return not self.parts or now - self.parts[-1].began >= timedelta(seconds=limit.per_seconds) / _PARTS

    def with_one_more(self, now: datetime, active: int, limit: DeactivationLimit) -> "Window | None":
        """None where one more would be beyond the limit. `active`: users that are, if it `begins_part`.

        `self` is `within` the window at `now`. The limit is the larger one of the count and the percentage of the
        users that were active before the first deactivation that is counted.
        """
        before = self.parts[0].active if self.parts else active
        allowed = max(limit.count, before * limit.percent // 100)
        if sum(part.deactivated for part in self.parts) >= allowed:
            return None
        if self.begins_part(now, limit):
            return Window((*self.parts, _Part(now, now, 1, active)))
        last = self.parts[-1]
        grown = replace(last, last=max(last.last, now), deactivated=last.deactivated + 1)
        return Window((*self.parts[:-1], grown))


def most_losers(holders: int, limit: RoleChangeLimit) -> int:
    """How many of the `holders` of roles may lose one by one change of mappings."""
    return max(limit.count, holders * limit.percent // 100)


def is_protected(safety: Safety, user_id: str, document: Mapping[str, Any]) -> bool:
    name, external_id = identity_of(document["userName"]), document.get("externalId")
    return any(
        (each.user_name is not None and identity_of(each.user_name) == name)
        or (each.external_id is not None and each.external_id == external_id)
        or (each.id is not None and each.id.lower() == user_id)
        for each in safety.protected_users
    )


def _number(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _time(number: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
