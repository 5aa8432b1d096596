"""When a delivery is tried again, and when it is given up."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

TRIED_FOR = timedelta(days=3)
"""A delivery that fails so long after its event is given up."""
_FIRST = timedelta(seconds=5)
_FACTOR = 3
_LONGEST = timedelta(hours=6)
LONGEST_PAUSE = timedelta(minutes=10)
"""Of a whole webhook whose receiver is away: once it is back it shall not wait for long."""
_JITTER = 0.2


def delay_after(attempts: int, longest: timedelta = _LONGEST) -> timedelta:
    """Between the last of so many failed attempts and the next one: 5 s, 15 s, 45 s and so on, by a fifth more or
    less, so that many don't come together."""
    factor: int = _FACTOR ** min(attempts - 1, 12)
    delay = min(longest, _FIRST * factor)
    jitter: float = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
    return delay * jitter


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """What a receiver asks for (RFC 9110 §10.2.3), six hours at most. None: nothing that can be understood."""
    if header is None:
        return None
    if header.strip().isdecimal():
        wanted = timedelta(seconds=min(int(header.strip()[:9]), 10**6))
    else:
        try:
            at = parsedate_to_datetime(header)
        except (ValueError, OverflowError):
            return None
        wanted = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(wanted, timedelta(0)), _LONGEST)
