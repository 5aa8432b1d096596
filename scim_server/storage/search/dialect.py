"""What PostgreSQL and SQLite write differently in a search.

They differ in all that reads a document: PostgreSQL has `jsonb` and its operators, SQLite functions of a text and a
path.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from scim_server.scim.filter import Operator

Scalar: TypeAlias = str | bool | int | float | datetime
"""A value bound to a parameter."""

NumberType = Literal["integer", "decimal"]


class JsonValue(Protocol):
    """A value inside a document, as SQL expressions. Each is NULL where there is no such value."""

    def child(self, name: str) -> "JsonValue":
        """A member of an object."""
        ...

    def extension(self, urn: str) -> "JsonValue":
        """The object under the URN of an extension. Its values may be of other types than the schema says now."""
        ...

    def text(self, *, exact: bool) -> str:
        """Its text: as the client sent it (`exact`), or folded."""
        ...

    def boolean_is(self, value: bool) -> str:
        """Whether it is this boolean."""
        ...

    def number(self, kind: NumberType) -> str: ...

    def instant(self) -> str:
        """A dateTime, comparable with a bound `datetime`."""
        ...

    def is_object(self) -> str: ...

    def filled(self) -> str:
        """Whether it is neither null nor empty."""
        ...

    def any_member_filled(self) -> str:
        """Whether it is an object with a `filled` member."""
        ...

    def any_element(self, condition: Callable[["JsonValue"], str]) -> str:
        """Whether it is an array with an element for which the condition holds."""
        ...

    def preferred_element(self, expression: Callable[["JsonValue"], str]) -> str:
        """The expression for the primary element, or for the first where none is primary."""
        ...


class Dialect(Protocol):
    def placeholder(self, number: int) -> str:
        """How a statement names its parameter with this number, from 1."""
        ...

    def bound(self, value: Scalar) -> object:
        """A value as the driver takes it."""
        ...

    def constant(self, value: Scalar) -> str | None:
        """A constant for a value that the driver can't bind; None for all others."""
        ...

    def page(self, table: str, tenant: str, columns: Mapping[str, str], rows: str, most_bytes: int) -> str:
        """The statement that returns `columns` of `rows` in their order, with no more in memory of the documents than
        `most_bytes` and one document.

        `columns`: expressions by name, `id` and `document` among them. `rows`: FROM and the clauses after it.
        """
        ...

    def document(self, alias: str) -> JsonValue:
        """The document of a row of `users` or `groups`."""
        ...

    def compare_text(self, text: str, operator: Operator, parameter: str) -> str: ...

    def sortable_text(self, text: str) -> str:
        """Text that sorts by code points: its beginning, so that a `Position` stays small."""
        ...

    def compare_number(self, number: str, operator: Operator, parameter: str, kind: NumberType) -> str: ...

    def id_text(self, column: str) -> str:
        """An id as text."""
        ...

    def rare(self, condition: str) -> str:
        """The condition, with a hint for a planner that doesn't know the values: few resources satisfy it."""
        ...

    def has_provider_role(self, alias: str, tenant: str, role: str) -> str:
        """Whether a user's `roles` have this folded `value`, by an index. It may be true of a few others too."""
        ...

    def any_key(self, alias: str, condition: Callable[[str], str]) -> str:
        """Whether the document has a key at its top for which the condition holds."""
        ...


COMPARISONS: dict[Operator, str] = {"eq": "=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
"""Operators that SQL has by itself."""


def literal(name: str) -> str:
    """A name out of a schema as a string literal. Values of requests are bound, never written."""
    return "'" + name.replace("'", "''") + "'"
