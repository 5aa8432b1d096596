"""The life of a user: active, blocked at once when set inactive, deactivated after the tenant's delay. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

NO_DELAY = timedelta(0)


class State(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"


def state_after(
    active: bool, before: State | None, deactivate_at: datetime | None, now: datetime, delay: timedelta
) -> tuple[State, datetime | None]:
    """The state of a user whom the provider sets active or inactive at `now`, and when a blocked one is deactivated.

    `before`: None for a new user. One that is inactive already stays what it is.
    """
    if active:
        return State.ACTIVE, None
    if before is not None and before is not State.ACTIVE:
        return before, deactivate_at
    if delay <= NO_DELAY:
        return State.DEACTIVATED, None
    return State.BLOCKED, now + delay


def state_after_deletion(before: State, delay: timedelta) -> State:
    """The end of a user who is deleted comes after the same delay."""
    return State.DEACTIVATED if before is State.DEACTIVATED or delay <= NO_DELAY else State.BLOCKED
