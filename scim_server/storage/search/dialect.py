"""What PostgreSQL and SQLite write differently in a search."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from scim_server.scim.filter import Operator

Scalar: TypeAlias = str | bool | int | float | datetime
"""A value bound to a parameter."""

NumberType = Literal["integer", "decimal"]


class Place(Protocol):
    """A JSON value inside a document, as SQL expressions; each is NULL where there is no such value."""

    def child(self, name: str) -> "Place":
        """A member of an object."""
        ...

    def extension(self, urn: str) -> "Place":
        """The values under the URN of an extension, which may be of other types than its schema says by now."""
        ...

    def text(self, *, exact: bool) -> str:
        """As text: as it was sent, or folded."""
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
        """Whether it is an object with a member that is `filled`."""
        ...

    def any_element(self, condition: Callable[["Place"], str]) -> str:
        """Whether it is an array with an element for which the condition holds."""
        ...

    def preferred_element(self, expression: Callable[["Place"], str]) -> str:
        """The expression for the element that is primary, else for the first."""
        ...


class Dialect(Protocol):
    def placeholder(self, number: int) -> str:
        """How a statement names its parameter with this number, from 1."""
        ...

    def bound(self, value: Scalar) -> object:
        """A value as the driver takes it."""
        ...

    def constant(self, value: Scalar) -> str | None:
        """What to write for a value that the driver can't bind."""
        ...

    def page(self, table: str, tenant: str, columns: Mapping[str, str], rows: str, most_bytes: int) -> str:
        """The statement for `columns` of `rows` in their order, of whose documents no more need be held than
        `most_bytes` and one.

        `columns`: expressions by name, `id` and `document` among them. `rows`: FROM and all that follows.
        """
        ...

    def document(self, alias: str) -> Place:
        """The document of a row of `users` or `groups`."""
        ...

    def compare_text(self, text: str, operator: Operator, parameter: str) -> str: ...

    def sortable_text(self, text: str) -> str:
        """Text that sorts by code points: its beginning, so that a place in the order stays small."""
        ...

    def compare_number(self, number: str, operator: Operator, parameter: str, kind: NumberType) -> str: ...

    def id_text(self, column: str) -> str:
        """An id as text."""
        ...

    def rare(self, condition: str) -> str:
        """A condition that few resources satisfy: a hint for a planner that doesn't know the values."""
        ...

    def has_provider_role(self, alias: str, tenant: str, role: str) -> str:
        """Whether a user's `roles` have this folded `value`, by an index: it may also hold for a few others."""
        ...

    def any_key(self, alias: str, condition: Callable[[str], str]) -> str:
        """Whether the document has a key at its top for which the condition holds."""
        ...


COMPARISONS: dict[Operator, str] = {"eq": "=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
"""Operators that SQL has by itself."""


def literal(name: str) -> str:
    """A name out of a schema as a string literal. Values of requests are bound, never written."""
    return "'" + name.replace("'", "''") + "'"
