"""Readings of single values that filters, the normaliser and storage must agree on."""

import re
from datetime import UTC, datetime

INTEGER_LIMIT = 2**63
"""Integers are 64 bits wide, in databases as in most clients."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether text can be written as UTF-8 into a database: no NUL (PostgreSQL refuses it), no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def instant(text: str) -> datetime:
    """A dateTime (RFC 7643 §2.3.5) as an aware UTC time; without an offset it is taken as UTC.

    Raises ValueError when the text isn't an ISO 8601 date and time.
    """
    parsed = datetime.fromisoformat(text.strip().upper())
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def shown(text: str, length: int = 80) -> str:
    """Client's text for use in an error: quoted, printable, and bounded, however long the request was."""
    return repr(text if len(text) <= length else text[: length - 1] + "…")
