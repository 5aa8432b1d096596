"""Which tables and columns are copied, and what a value of SQLite is in PostgreSQL. Pure."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from scim_server.storage import documents
from scim_server.storage.sqlite.times import from_microseconds

SQLITE_ALONE = frozenset({"schema_migrations", "user_provider_roles"})
"""Its triggers fill the second one from the documents. PostgreSQL has an index instead."""

_DEFAULTS = frozenset({("totals", "changed")})
"""Columns of PostgreSQL alone that its older servers read."""
_LANE = 0
"""Of the copied totals: no session has this number."""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    """Those of both databases."""
    computed: tuple[str, ...]
    """Those of PostgreSQL alone."""
    _conversions: tuple[Callable[[Any], Any], ...]

    def converted(self, row: Row) -> tuple[Any, ...]:
        """The values of `columns`, as asyncpg takes and gives them."""
        return tuple(
            None if value is None else convert(value) for convert, value in zip(self._conversions, row, strict=True)
        )

    def with_computed(self, values: Row) -> tuple[Any, ...]:
        """And those of `computed`."""
        return (*values, *(self._compute(column, values) for column in self.computed))

    def _compute(self, column: str, values: Row) -> object:
        if column == "folded":
            document = documents.from_json(values[self.columns.index("document")])
            return documents.to_json(documents.folded(document))
        return _LANE


def table(name: str, sqlite_columns: Sequence[str], postgres_types: Mapping[str, str]) -> Table:
    """Raises ValueError where one database has a column that nobody knows of here."""
    computed = tuple(column for column in postgres_types if column not in sqlite_columns)
    computed = tuple(column for column in computed if (name, column) not in _DEFAULTS)
    unknown = {*sqlite_columns} - {*postgres_types} | {*computed} - {"folded", "lane"}
    if unknown:
        raise ValueError(f"columns of {name} in one database alone: {', '.join(sorted(unknown))}")
    conversions = tuple(_CONVERSIONS.get(postgres_types[column], _same) for column in sqlite_columns)
    return Table(name, tuple(sqlite_columns), computed, conversions)


def _same(value: Any) -> Any:
    return value


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "uuid": uuid.UUID,
    "timestamp with time zone": from_microseconds,
    "interval": lambda value: timedelta(microseconds=value),
    "boolean": bool,
    "text[]": json.loads,
}
"""By PostgreSQL's name of the type. The others are the same in both."""
