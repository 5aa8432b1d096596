"""Times as people write them: RFC 3339, or how long ago."""

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(?=\d)(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)


def parse_time(text: str, option: str, now: datetime) -> datetime:
    """`24h` and `1d12h` are before `now`. A time without an offset is UTC."""
    if ago := _AGO.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in ago.groups())
        return now - timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text}: how long ago is expected, such as 24h or 30m, or a time such as 2026-11-28T09:00:00Z",
            param_hint=option,
        ) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
