"""Readings of single values that filters, the normaliser and storage must agree on."""

import re
from datetime import UTC, datetime

INTEGER_LIMIT = 2**63
"""Integers are 64 bits wide, in databases as in most clients."""

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_DECIMAL = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether text can be written as UTF-8 into a database: no NUL (PostgreSQL refuses it), no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def is_date_time(text: str) -> bool:
    """Whether text is a dateTime as RFC 7643 §2.3.5 and xsd:dateTime have it: date and time, `T` between them."""
    return _DATE_TIME.fullmatch(text) is not None


def instant(text: str) -> datetime:
    """A dateTime (RFC 7643 §2.3.5) as an aware UTC time; without an offset it is taken as UTC.

    Other forms of ISO 8601 are read too, such as a date alone. Raises ValueError for everything else.
    """
    parsed = datetime.fromisoformat(text.strip().upper())
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def integer(text: str) -> int:
    """Raises ValueError for what isn't an integer in ASCII digits; `int` itself would take `1_000` too."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    return int(text)


def decimal(text: str) -> float:
    """Raises ValueError for what isn't a number in ASCII digits; may be infinite, as `1e999` is."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a number")
    return float(text)


def shown(text: str, length: int = 80) -> str:
    """Client's text for use in an error: quoted, printable, and bounded, however long the request was."""
    return repr(text if len(text) <= length else text[: length - 1] + "…")
