"""A value that stays of the wrong type after every tolerance."""

from typing import Any

from scim_server.scim.errors import InvalidValue


class Mismatch(Exception):
    """Raised deep inside a value; on its way out it gathers the names of the attributes around it."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(expected)
        self.expected = expected
        self.found = kind_of(value)
        self.names: list[str] = []

    def inside(self, name: str) -> "Mismatch":
        """The same mismatch, seen from the attribute that holds the value."""
        self.names.insert(0, name)
        return self

    def as_invalid_value(self, context: str = "") -> InvalidValue:
        """The SCIM error. It tells types, never the value, which may be a password or personal."""
        return InvalidValue(f"{context}{'.'.join(self.names)}: expected {self.expected}, found {self.found}")


def kind_of(value: Any) -> str:
    """What a JSON value is, for an error message."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "another string" if value else "an empty string"
        case list():
            return "an array"
        case _:
            return "an object"
