"""What rules give, and to whom: the members of a SCIM group, or all users."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    """Where a role comes from, if not from the members of a group that a rule matches."""

    RULE = ""
    """A rule. That is all that most grants and reasons say."""
    BASE = "base"
    FALLBACK = "fallback"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A user has `role`, because of `rule` of `mapping` (`namespace/name`), while the window is open and where the
    condition (`Conditions`) holds; '' is the one that always does."""

    mapping: str
    rule: str
    role: str
    condition: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    source: Source = Source.RULE

    def is_open(self, now: datetime) -> bool:
        return (self.not_before is None or self.not_before <= now) and (
            self.not_after is None or now < self.not_after
        )

    def covers(self, other: "Grant") -> bool:
        """Whether everyone in the same group who has a role by the other grant has it by this one too."""
        return (
            self.role == other.role
            and self.condition in ("", other.condition)
            and (self.not_before, self.not_after) in ((None, None), (other.not_before, other.not_after))
        )
