"""Searches on SQLite: the functions `fold` and `instant` are Python's own (see storage/sqlite/connection.py)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from scim_server.scim.filter import Operator
from scim_server.storage.index_keys import LONGEST_KEY
from scim_server.storage.search.dialect import COMPARISONS, Dialect, JsonValue, NumberType, Scalar, literal
from scim_server.storage.sqlite.times import microseconds


@dataclass(frozen=True, slots=True)
class _JsonTextValue:
    """A path into JSON text, or (`element`) a row of `json_each` itself."""

    json: str
    path: str = "$"
    element: str | None = None
    depth: int = 0
    """The number of arrays that contain it."""

    def child(self, name: str) -> JsonValue:
        if '"' in name or "\\" in name:
            raise ValueError(f"an attribute can't be called {name!r}")
        return replace(self, path=f'{self.path}."{name}"', element=None)

    def extension(self, urn: str) -> JsonValue:
        return self.child(urn)

    def text(self, *, exact: bool) -> str:
        value = f"(CASE {self._type()} WHEN 'text' THEN {self._value()} END)"
        return value if exact else f"fold({value})"

    def boolean_is(self, value: bool) -> str:
        return f"({self._type()} = '{'true' if value else 'false'}')"

    def number(self, kind: NumberType) -> str:
        return f"(CASE WHEN {self._type()} IN ('integer', 'real') THEN {self._value()} END)"

    def instant(self) -> str:
        return f"instant({self._value()})"

    def is_object(self) -> str:
        return f"({self._type()} = 'object')"

    def filled(self) -> str:
        return f"({self._type()} IS NOT NULL AND {_filled(self._type(), self._value())})"

    def any_member_filled(self) -> str:
        # json_each of an object that isn't there has no rows; of a scalar, the scalar is the only row.
        fields = f"json_each({self.json}, {literal(self.path)})"
        return (
            f"({self.is_object()} AND EXISTS (SELECT 1 FROM {fields} AS field"
            f" WHERE {_filled('field.type', 'field.value')}))"
        )

    def any_element(self, condition: Callable[[JsonValue], str]) -> str:
        element, source = self._elements()
        return f"EXISTS (SELECT 1 FROM {source} AND {condition(element)})"

    def preferred_element(self, expression: Callable[[JsonValue], str]) -> str:
        element, source = self._elements()
        primary = f"{element.child('primary').boolean_is(True)} IS TRUE"
        return f"(SELECT {expression(element)} FROM {source} ORDER BY {primary} DESC, {element.element}.key LIMIT 1)"

    def _elements(self) -> tuple["_JsonTextValue", str]:
        """Each element, and its source. The source of an array inside another needs a name of its own: else it would
        read the outer one."""
        depth = self.depth + 1
        row = f"element{depth}"
        element = _JsonTextValue(f"(CASE {row}.type WHEN 'object' THEN {row}.value END)", element=row, depth=depth)
        # json_each of an object gives its members, of a scalar the scalar: neither has an integer as its key.
        return element, f"json_each({self.json}, {literal(self.path)}) AS {row} WHERE typeof({row}.key) = 'integer'"

    def _type(self) -> str:
        return f"{self.element}.type" if self.element else f"json_type({self.json}, {literal(self.path)})"

    def _value(self) -> str:
        return f"{self.element}.atom" if self.element else f"json_extract({self.json}, {literal(self.path)})"


def _filled(type_: str, value: str) -> str:
    return f"{type_} <> 'null' AND {value} NOT IN ('', '[]', '{{}}')"


class _Sqlite:
    def placeholder(self, number: int) -> str:
        return f"?{number}"

    def bound(self, value: Scalar) -> object:
        return microseconds(value) if isinstance(value, datetime) else value

    def constant(self, value: Scalar) -> str | None:
        return None

    def page(self, table: str, tenant: str, columns: Mapping[str, str], rows: str, most_bytes: int) -> str:
        # SQLite sorts rows without documents and reads a document when its row is fetched. The join keeps SQLite from
        # making one query of both.
        sought = ", ".join(f"{sql} AS {name}" for name, sql in columns.items() if name != "document")
        names = ", ".join("whole.document" if name == "document" else f"page.{name}" for name in columns)
        return (
            f"SELECT {names} FROM (SELECT {sought} {rows}) AS page"
            f" CROSS JOIN {table} AS whole ON whole.tenant = {tenant} AND whole.id = page.id"
        )

    def document(self, alias: str) -> JsonValue:
        return _JsonTextValue(f"{alias}.document")

    def compare_text(self, text: str, operator: Operator, parameter: str) -> str:
        match operator:
            case "co":
                return f"instr({text}, {parameter}) > 0"
            case "sw":
                return f"substr({text}, 1, length({parameter})) = {parameter}"
            case "ew":
                return (
                    f"(length({text}) >= length({parameter})"
                    f" AND substr({text}, length({text}) - length({parameter}) + 1) = {parameter})"
                )
            case _:
                return f"{text} {COMPARISONS[operator]} {parameter}"

    def sortable_text(self, text: str) -> str:
        return f"substr({text}, 1, {LONGEST_KEY})"

    def compare_number(self, number: str, operator: Operator, parameter: str, kind: NumberType) -> str:
        return f"{number} {COMPARISONS[operator]} {parameter}"

    def id_text(self, column: str) -> str:
        return column

    def rare(self, condition: str) -> str:
        return f"likelihood({condition}, 0.0005)"

    def has_provider_role(self, alias: str, tenant: str, role: str) -> str:
        users = f"SELECT user_id FROM user_provider_roles WHERE tenant = {tenant} AND value_key = {role}"
        return f"{alias}.id IN ({users})"

    def any_key(self, alias: str, condition: Callable[[str], str]) -> str:
        return f"EXISTS (SELECT 1 FROM json_each({alias}.document) AS entry WHERE {condition('entry.key')})"


SQLITE: Dialect = _Sqlite()
