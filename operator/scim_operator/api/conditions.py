"""`metav1.Condition`, and how the list of them is brought up to date."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

ConditionStatus = Literal["True", "False", "Unknown"]

_LONGEST_MESSAGE = 32768
"""Bound of `message` in metav1.Condition."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. Generation and time are filled in by `set_conditions`."""

    type: str
    status: ConditionStatus
    reason: str
    message: str
    observed_generation: int = 0
    last_transition_time: datetime | None = None

    @classmethod
    def of(cls, type_: str, status: bool, reason: str, message: str) -> "Condition":
        return cls(type_, "True" if status else "False", reason, message)

    @property
    def is_true(self) -> bool:
        return self.status == "True"


def set_conditions(
    existing: Iterable[Mapping[str, Any]], new: Iterable[Condition], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """`existing` (as in an object's status) with `new` in place, sorted by type.

    `lastTransitionTime` moves to `now` only where the status changes; conditions of other types are kept. So equal
    facts give an equal list, and the caller can compare before it writes.
    """
    result = {str(condition.get("type")): dict(condition) for condition in existing}
    for condition in new:
        before = result.get(condition.type, {})
        unchanged = before.get("status") == condition.status and before.get("lastTransitionTime")
        result[condition.type] = {
            "type": condition.type,
            "status": condition.status,
            "reason": condition.reason,
            "message": _bounded(condition.message),
            "observedGeneration": generation,
            "lastTransitionTime": before["lastTransitionTime"] if unchanged else format_time(now),
        }
    return [result[type_] for type_ in sorted(result)]


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as `metav1.Time` is written."""
    return f"{time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _bounded(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"
