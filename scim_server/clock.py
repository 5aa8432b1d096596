"""The time of day, handed to whatever asks for it, so that tests can move it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Timezone-aware UTC."""


def utc_now() -> datetime:
    return datetime.now(UTC)
