"""Single values: string, boolean, number, dateTime, reference, binary."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from scim_server.scim.normalise.mismatch import Mismatch
from scim_server.scim.schema import AttributeType
from scim_server.scim.values import INTEGER_LIMIT, as_boolean, decimal, instant, integer, is_date_time, is_storable

_EXACT = 2.0**53
"""Up to here a JSON number is the same after it was read; larger integers arrive rounded."""


def number_for_a_string(value: Any) -> str:
    """Templates (OneLogin, JumpCloud) leave the quotes off numbers: `"employeeNumber": 701984`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch("a string", value)
    if isinstance(value, float) and not abs(value) < _EXACT:
        raise Mismatch("a string; without quotes so large a number loses digits", value)
    try:
        return str(value)
    except ValueError:  # Python refuses integers of more than 4,300 digits
        raise Mismatch("a string", value) from None


def boolean_in_another_form(value: Any) -> bool:
    """Entra ID and Keycloak send `"True"`, `"False"`, `"true"`; OneLogin's templates `"active": "true"`; others 1 and
    `"1"`, as databases have it."""
    if isinstance(value, str):
        parsed = as_boolean(value)
    else:
        parsed = bool(value) if isinstance(value, int | float) and value in (0, 1) else None
    if parsed is None:
        raise Mismatch("true or false", value)
    return parsed


def date_time_in_another_form(time: datetime) -> str:
    """A date alone, or another form of ISO 8601, which databases don't read alike: as the RFC writes it, in UTC."""
    return time.isoformat().replace("+00:00", "Z")


def _string(value: Any) -> str:
    text = value if isinstance(value, str) else number_for_a_string(value)
    if not is_storable(text):
        raise Mismatch("a string without NUL and lone surrogates", value)
    return text


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else boolean_in_another_form(value)


def _integer(value: Any) -> int:
    number = _number(value, integer, "an integer")
    if number != int(number) or not -INTEGER_LIMIT <= number < INTEGER_LIMIT:
        raise Mismatch("an integer of 64 bits", value)
    return int(number)


def _decimal(value: Any) -> float:
    return float(_number(value, decimal, "a number"))


def _number(value: Any, convert: Callable[[str], float], expected: str) -> float:
    """A number, or one inside a string, as claims-mapping providers (Entra ID, PingOne) send everything."""
    if isinstance(value, str):
        try:
            value = convert(value)
        except ValueError:
            raise Mismatch(expected, value) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise Mismatch(expected, value)
    return value


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int beyond the floats
        return False


def _date_time(value: Any) -> str:
    if isinstance(value, str):
        try:
            time = instant(value)
        except ValueError:
            pass
        else:
            return value if is_date_time(value) else date_time_in_another_form(time)
    raise Mismatch('a dateTime such as "2026-11-23T08:00:00Z"', value)


READERS: Mapping[AttributeType, Callable[[Any], Any]] = {
    "string": _string,
    "reference": _string,
    "binary": _string,
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "dateTime": _date_time,
}
"""Reads a value that is neither null nor an array, or raises Mismatch."""
