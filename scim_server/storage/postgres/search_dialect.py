"""Searches on PostgreSQL: `folded` is a jsonb copy of the document in which every string is folded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.filter import Operator
from scim_server.scim.values import DATE_TIME_PATTERN
from scim_server.storage.index_keys import LONGEST_KEY
from scim_server.storage.search.dialect import COMPARISONS, Dialect, JsonValue, NumberType, Scalar, literal

_EMPTY = """('null', '""', '[]', '{}')"""

_ENDS_OF_TIME = {
    datetime.min.replace(tzinfo=UTC): "timestamptz '0001-01-01 00:00:00+00'",
    datetime.max.replace(tzinfo=UTC): "timestamptz '9999-12-31 23:59:59.999999+00'",
}
"""asyncpg sends infinity for these. .NET and Go write them where there is no time."""


@dataclass(frozen=True, slots=True)
class _JsonbValue:
    """One value in both columns: `folded` and `document`."""

    folded: str
    exact: str
    of_any_type: bool = False
    """Whether the value may be of another type than its attribute. The check costs time: the value is read twice."""

    def child(self, name: str) -> JsonValue:
        folded, exact = f"({self.folded} -> {literal(name)})", f"({self.exact} -> {literal(name)})"
        return _JsonbValue(folded, exact, self.of_any_type)

    def extension(self, urn: str) -> JsonValue:
        folded, exact = f"({self.folded} -> {literal(urn)})", f"({self.exact} -> {literal(urn)})"
        return _JsonbValue(folded, exact, of_any_type=urn != ENTERPRISE_URN)

    def text(self, *, exact: bool) -> str:
        value = self.exact if exact else self.folded
        if self.of_any_type:
            return f"(CASE jsonb_typeof({value}) WHEN 'string' THEN {value} #>> '{{}}' END)"
        return f"({value} #>> '{{}}')"

    def boolean_is(self, value: bool) -> str:
        return f"({self.folded} = '{'true' if value else 'false'}')"

    def number(self, kind: NumberType) -> str:
        # The cast of another type would be an error. Of all SQL only CASE keeps an order of evaluation.
        sql_type = "numeric" if kind == "integer" else "float8"
        return f"(CASE jsonb_typeof({self.folded}) WHEN 'number' THEN ({self.folded})::{sql_type} END)"

    def instant(self) -> str:
        # A cast would round to the microsecond; elsewhere the rest is cut off. .NET writes tenths of a microsecond.
        text = f"substring({self.exact} #>> '{{}}' FROM '^({DATE_TIME_PATTERN})$')"
        return f"instant(regexp_replace({text}, '([.][0-9]{{6}})[0-9]+', '\\1'))"

    def is_object(self) -> str:
        return f"(jsonb_typeof({self.folded}) = 'object')"

    def filled(self) -> str:
        return f"({self.folded} NOT IN {_EMPTY})"

    def any_member_filled(self) -> str:
        fields = f"(CASE jsonb_typeof({self.folded}) WHEN 'object' THEN {self.folded} END)"
        return f"EXISTS (SELECT FROM jsonb_each({fields}) AS field WHERE field.value NOT IN {_EMPTY})"

    def any_element(self, condition: Callable[[JsonValue], str]) -> str:
        source, inner = self._elements(condition)
        return f"EXISTS (SELECT FROM {source} WHERE {inner})"

    def preferred_element(self, expression: Callable[[JsonValue], str]) -> str:
        source, inner = self._elements(expression)
        return (
            f"(SELECT {inner} FROM {source}"
            f" ORDER BY (element.folded -> 'primary') IS NOT DISTINCT FROM 'true' DESC, element.number LIMIT 1)"
        )

    def _elements(self, inner: Callable[[JsonValue], str]) -> tuple[str, str]:
        """The elements of both columns side by side, so that several terms speak of one element."""
        written = inner(_JsonbValue("element.folded", "element.exact", self.of_any_type))
        arrays = [_array(self.folded)]
        names = ["folded"]
        if "element.exact" in written:  # else PostgreSQL needn't parse the document
            arrays.append(_array(self.exact))
            names.append("exact")
        functions = ", ".join(f"jsonb_array_elements({array})" for array in arrays)
        return f"ROWS FROM ({functions}) WITH ORDINALITY AS element ({', '.join(names)}, number)", written


def _array(value: str) -> str:
    return f"CASE jsonb_typeof({value}) WHEN 'array' THEN {value} END"


class _Postgres:
    def placeholder(self, number: int) -> str:
        return f"${number}"

    def bound(self, value: Scalar) -> object:
        return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value

    def constant(self, value: Scalar) -> str | None:
        return _ENDS_OF_TIME.get(value) if isinstance(value, datetime) else None

    def page(self, table: str, tenant: str, columns: Mapping[str, str], rows: str, most_bytes: int) -> str:
        # A window without an order takes rows as they come. PostgreSQL knows the size of a text without reading it.
        sought = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        names = ", ".join(
            f"CASE WHEN before < {most_bytes} THEN document END AS document" if name == "document" else name
            for name in columns
        )
        before = "coalesce(sum(octet_length(document)) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)"
        return (
            f"SELECT {names} FROM (SELECT page.*, {before} AS before FROM (SELECT {sought} {rows}) AS page) AS sized"
        )

    def document(self, alias: str) -> JsonValue:
        return _JsonbValue(f"{alias}.folded", f"{alias}.document::jsonb")

    def compare_text(self, text: str, operator: Operator, parameter: str) -> str:
        match operator:
            case "co":
                return f"position({parameter} IN {text}) > 0"
            case "sw":
                return f"starts_with({text}, {parameter})"
            case "ew":
                return f"right({text}, length({parameter})) = {parameter}"
            case _:
                return f'{text} COLLATE "C" {COMPARISONS[operator]} {parameter}'

    def sortable_text(self, text: str) -> str:
        return f'(left({text}, {LONGEST_KEY}) COLLATE "C")'

    def compare_number(self, number: str, operator: Operator, parameter: str, kind: NumberType) -> str:
        return f"{number} {COMPARISONS[operator]} {parameter}::{'numeric' if kind == 'integer' else 'float8'}"

    def id_text(self, column: str) -> str:
        return f"{column}::text"

    def rare(self, condition: str) -> str:
        return condition

    def has_provider_role(self, alias: str, tenant: str, role: str) -> str:
        keys = f"provider_role_keys({alias}.tenant, {alias}.folded)"
        return f"({alias}.folded ? 'roles' AND {keys} @> ARRAY[provider_role_key({tenant}, {role})])"

    def any_key(self, alias: str, condition: Callable[[str], str]) -> str:
        return f"EXISTS (SELECT FROM jsonb_object_keys({alias}.folded) AS key WHERE {condition('key')})"


POSTGRES: Dialect = _Postgres()
