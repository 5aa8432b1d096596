"""A value that stays of the wrong type after every tolerance."""

from typing import Any, Final

from scim_server.scim.errors import InvalidValue
from scim_server.scim.values import shown

MISSING: Final = object()
"""Stands for the value of a key that isn't there, which is another thing than null."""

_LONG = 1e20
"""Numbers with more digits aren't shown."""


class Mismatch(Exception):
    """Raised deep inside a value; on its way out it gathers the names of the attributes around it."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(expected)
        self.expected = expected
        self.found = described(value)
        self._kind = kind_of(value)
        self.names: list[str] = []

    def inside(self, name: str) -> "Mismatch":
        """The same mismatch, seen from the attribute that holds the value."""
        self.names.insert(0, name)
        return self

    def without_value(self) -> "Mismatch":
        """The same mismatch, which doesn't show the value: it may be a secret."""
        self.found = self._kind
        return self

    def as_invalid_value(self, context: str = "") -> InvalidValue:
        """The SCIM error."""
        name = ".".join(self.names)
        return InvalidValue(
            f"{context}{name}: expected {self.expected}, found {self.found}",
            attribute=name or None,
            reason=f"expected {self.expected}, found {self._kind}",
        )


def described(value: Any) -> str:
    """A JSON value for an error message: what it is, and for a single value which, of bounded length."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() if value:
            return f"the string {shown(value)}"
        case int() | float():
            return f"the number {value}" if abs(value) < _LONG else "a number"
        case _:
            return kind_of(value)


def kind_of(value: Any) -> str:
    """What a JSON value is, for an error message."""
    if value is MISSING:
        return "nothing"
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string" if value else "an empty string"
        case list():
            return "an array"
        case _:
            return "an object"
