"""Writes the conditions of a search.

Conditions may be NULL where the filter is false: SQL's logic treats both alike until a NOT, which is written as
`IS NOT TRUE`.
"""

from collections.abc import Callable

from scim_server.scim.errors import InvalidFilter
from scim_server.scim.filter import And, Filter, Not, Operator, Or
from scim_server.scim.filter.ast import Literal
from scim_server.storage.records import PermissionsOfRoles
from scim_server.storage.search.dialect import COMPARISONS, Dialect, Scalar

_MOST_JOINS = 8
"""PostgreSQL makes a join of each subquery that stands in an AND, and plans 200 of them for many seconds."""


MOST_COMPARED_ELEMENTS = 30
"""How many comparisons of a filter may look at each element of an attribute with several values. A user has up to
1,000 elements in each attribute."""


class SqlBuilder:
    """Builds one query; collects its parameters, of which the first is the tenant."""

    def __init__(
        self, dialect: Dialect, alias: str, tenant: str, permissions: PermissionsOfRoles | None = None
    ) -> None:
        self.dialect = dialect
        self.alias = alias
        """Of the searched table."""
        self.permissions = permissions
        self.parameters: list[object] = [tenant]
        self.tenant = dialect.placeholder(1)
        self.joins = 0
        """How many subqueries the FROM that is being written joins so far."""
        self._names: dict[str, str] = {}
        self._compared_elements = 0

    def bind(self, value: Scalar) -> str:
        """The placeholder of the value, or the constant that stands for it."""
        constant = self.dialect.constant(value)
        if constant is not None:
            return constant
        self.parameters.append(self.dialect.bound(value))
        return self.dialect.placeholder(len(self.parameters))

    def bind_name(self, name: str) -> str:
        """The placeholder of a text that many conditions name, such as a role: PostgreSQL takes 32,767 parameters."""
        if name not in self._names:
            self._names[name] = self.bind(name)
        return self._names[name]

    def count_compared_elements(self) -> None:
        """One more comparison that looks at each element. Raises `InvalidFilter`."""
        self._compared_elements += 1
        if self._compared_elements > MOST_COMPARED_ELEMENTS:
            raise InvalidFilter(
                f"the filter has more than {MOST_COMPARED_ELEMENTS} comparisons of attributes with several values"
                " that no index answers: ask for fewer at a time"
            )

    def boolean(self, node: Filter, leaf: Callable[[Filter], str]) -> str:
        match node:
            case And(items):
                return "(" + " AND ".join(self.boolean(item, leaf) for item in items) + ")"
            case Or(items):
                return "(" + " OR ".join(self.boolean(item, leaf) for item in items) + ")"
            case Not(item):
                return f"(({self.boolean(item, leaf)}) IS NOT TRUE)"
            case _:
                return leaf(node)

    def among(self, column: str, subquery: str) -> str:
        """The condition that the column's value is one of the subquery's. An index of it may find the rows."""
        self.joins += 1
        condition = f"{column} IN ({subquery})"
        return condition if self.joins <= _MOST_JOINS else f"({condition} IS TRUE)"

    def compare_text(self, text: str, operator: Operator, value: str) -> str:
        """`value` is folded already where `text` is."""
        return self.dialect.compare_text(text, operator, self.bind(value))

    def compare_value(self, sql: str, operator: Operator, value: Literal) -> str:
        """A column or expression that compares by SQL's own operators."""
        return f"{sql} {COMPARISONS[operator]} {self.bind(value)}"
