"""Which changes of conditions are worth an Event. Pure.

Bad news of the object itself, which its author can do something about, and their end. What concerns the servers would
be one Event for each object there is; a first "all is well" is no news.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scim_operator.api import reasons

_ANNOUNCED = frozenset((reasons.STALLED, reasons.RESOLVED_REFS, reasons.ACCEPTED, reasons.PROGRAMMED))


@dataclass(frozen=True, slots=True)
class Announcement:
    bad: bool
    reason: str
    note: str


def announcements(existing: Iterable[Mapping[str, Any]], wanted: Iterable[Mapping[str, Any]]) -> list[Announcement]:
    """Of conditions whose status or reason is new."""
    before = {condition.get("type"): condition for condition in existing}
    after = {condition["type"]: condition for condition in wanted}
    if reasons.ACCEPTED in after:  # of a mapping, of which Stalled says the same
        after.pop(reasons.STALLED, None)
    found = []
    for type_, condition in after.items():
        if type_ not in _ANNOUNCED:
            continue
        old = before.get(type_, {})
        bad, was_bad = _is_bad(condition), _is_bad(old)
        moved = (old.get("status"), old.get("reason")) != (condition["status"], condition["reason"])
        if moved and (bad or was_bad):
            note = f"{type_}={condition['status']}: {condition['message']}"
            found.append(Announcement(bad, condition["reason"], note))
    return found


def _is_bad(condition: Mapping[str, Any]) -> bool:
    status, reason = condition.get("status"), condition.get("reason")
    match condition.get("type"):
        case reasons.STALLED:
            return status == "True"
        case reasons.PROGRAMMED:  # its other reasons are the servers', or are told by another condition
            return status == "False" and reason == reasons.SHARD_FULL
        case None:
            return False
        case _:
            return status == "False"
