"""Readings of single values that filters, the normaliser and storage must agree on."""

import re
from datetime import UTC, datetime

INTEGER_LIMIT = 2**63
"""Integers are 64 bits wide, in databases as in most clients."""

_LONGEST_NUMBER = 400
"""Characters with which a number may be written: the longest decimals have some 330 digits before their point."""
_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_DECIMAL = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_READABLE_DATE_TIME = re.compile(
    r"[ \t\r\n]*[0-9]{4}-?[0-9]{2}-?[0-9]{2}"
    r"([Tt ][0-9]{2}:?[0-9]{2}(:?[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?)?[ \t\r\n]*"
)
DATE_TIME_PATTERN = (
    # UTC would be in a year that most languages don't have.
    "(?!(0001-01-01.*[+]|9999-12-31.*-)([^0]|0[^0]|00:([^0]|0[^0])))"
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?"
    "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?"
)
"""A regular expression, the same for Python and PostgreSQL: the form in which dateTimes are kept."""
_DATE_TIME = re.compile(DATE_TIME_PATTERN)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def as_boolean(text: str) -> bool | None:
    """What `true`, `False`, `1` and the like mean; None for any other text."""
    return _BOOLEANS.get(text.strip().lower())


def is_storable(text: str) -> bool:
    """Whether text can be written as UTF-8 into a database: no NUL (PostgreSQL refuses it), no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def is_date_time(text: str) -> bool:
    """Whether text has the form that RFC 7643 §2.3.5 and xsd:dateTime give a dateTime: date and time, `T` between."""
    return _DATE_TIME.fullmatch(text) is not None


def instant(text: str) -> datetime:
    """What a client writes for a dateTime (RFC 7643 §2.3.5) as an aware UTC time; without an offset it is UTC.

    Read are also a date alone (claims-mapping providers), a time without seconds, a space or small letter for `T`,
    and ISO 8601's shorter forms of time and offset. Raises ValueError for everything else.
    """
    if not _READABLE_DATE_TIME.fullmatch(text):
        raise ValueError("not a dateTime")
    parsed = datetime.fromisoformat(text.strip().upper())
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def stored_instant(value: object) -> datetime | None:
    """A dateTime of a document as an aware UTC time, to the microsecond; None for what isn't one as they are kept."""
    if not isinstance(value, str) or not is_date_time(value):
        return None
    try:
        return instant(value)
    except ValueError:
        return None


def integer(text: str) -> int:
    """Raises ValueError for what isn't an integer in ASCII digits; `int` itself would take `1_000` too."""
    if len(text) > _LONGEST_NUMBER or not _INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    return int(text)


def decimal(text: str) -> float:
    """Raises ValueError for what isn't a number in ASCII digits; may be infinite, as `1e999` is."""
    if len(text) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        raise ValueError("not a number")
    return float(text)


def shown(text: str, length: int = 80) -> str:
    """Client's text for use in an error: quoted, printable, and bounded, however long the request was."""
    return repr(text if len(text) <= length else text[: length - 1] + "…")
