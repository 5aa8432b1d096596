"""What brought a change about. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class CauseKind(StrEnum):
    REQUEST = "request"
    MAPPING = "mapping"
    TIME = "time"
    DECISION = "decision"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class RequestCause:
    """A request that writes, or one operation of a bulk request."""

    id: str
    """What the answer's `X-Request-Id` says."""
    credential: str
    user_agent: str
    method: str
    """`POST`, `PUT`, `PATCH` or `DELETE`"""
    resource_type: str
    """`User` or `Group`"""
    resource_id: str | None
    """Of the path; None for a creation."""
    status: int
    """Of the answer, where the change is committed."""
    started: float
    """By `time.perf_counter`."""


@dataclass(frozen=True, slots=True)
class Cause:
    kind: CauseKind
    request: RequestCause | None = None
    """Of kind `request`."""
    detail: str | None = None
    """What it was: the id of a hold or of a decision's hold."""


BY_MAPPING = Cause(CauseKind.MAPPING)
BY_TIME = Cause(CauseKind.TIME)
