"""Times as SQLite holds them: whole microseconds since 1970-01-01 UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    return (time - _EPOCH) // MICROSECOND


def optional_microseconds(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)


def from_microseconds(count: int) -> datetime:
    return _EPOCH + timedelta(microseconds=count)


def from_optional_microseconds(count: int | None) -> datetime | None:
    return None if count is None else from_microseconds(count)
