"""Durations as Kubernetes writes them: `15m`, `1h30m`, `0s`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

LONGEST_DURATION = timedelta(hours=8760)
"""One year: the bound of every duration in the API. The CustomResourceDefinition holds the same."""

_DURATION = re.compile(r"^(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?$", re.ASCII)


def parse_duration(text: object) -> timedelta:
    """Hours, minutes and seconds, in this order, each optional, at least one. Raises `ValueError`."""
    match = _DURATION.match(text) if isinstance(text, str) and text and not text.endswith("\n") else None
    if match is None:
        raise ValueError("a duration in h, m, s is expected, such as 1h30m or 2160h")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if duration > LONGEST_DURATION:
        raise ValueError("a duration of at most 8760h (one year) is expected")
    return duration


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
