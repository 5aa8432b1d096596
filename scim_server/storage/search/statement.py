"""A query as statements: one for the page, one for the total where the page doesn't tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scim_server.scim.errors import InvalidPath
from scim_server.storage.records import Counters, Position, Query
from scim_server.storage.search.compiler import Compiler
from scim_server.storage.search.dialect import Dialect
from scim_server.storage.search.searchable import Searchable

SORT_KEY = "sort_key"
"""Name of the column that a sorted page has besides."""
ADDED, REMOVED = "added", "removed"
"""Names of the columns that each row of a list without a filter has besides, and its total instead: the counters."""


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    page: str
    """Returns up to one row more than the page has, which tells whether there are more. Rows without a document don't
    fit into the page's bytes."""
    page_parameters: tuple[object, ...]
    total: str
    """Returns `total`; without a filter, the counters instead."""
    parameters: tuple[object, ...]
    query: Query
    sorted: bool
    looks_at_all: bool
    """The database has to look at all resources, for the filter or for the order."""

    def total_from(self, rows: int, *, more: bool) -> int | None:
        """The total, if the number of rows of the page tells it."""
        query = self.query
        if more or query.after or query.before or query.count == 0 or (rows == 0 and query.start_index > 1):
            return None
        return query.start_index - 1 + rows

    def counters_of(self, row: Any) -> Counters | None:
        """Of a row of either statement; None for a list with a filter."""
        return Counters(row[ADDED], row[REMOVED]) if self.query.filter is None else None


def compile_search(
    searchable: Searchable, dialect: Dialect, tenant: str, query: Query, columns: str
) -> CompiledSearch:
    """`columns` of the searched table. Raises `InvalidFilter`; `InvalidPath` where `sort_by` can't be sorted by."""
    compiler = Compiler(dialect, searchable, tenant, query.permissions)
    alias = searchable.alias
    where = f"{alias}.tenant = {compiler.tenant}"
    if query.filter is not None:
        where += f" AND {compiler.condition(query.filter)}"
    source = f"FROM {searchable.table} {alias} WHERE {where}"
    counters = _counters(searchable, compiler) if query.filter is None else {}
    total = f"SELECT {_columns(counters)}" if counters else f"SELECT count(*) AS total {source}"
    parameters = tuple(compiler.parameters)
    key = _sort_key(compiler, query)
    position = query.after or query.before
    if position is not None:
        source += f" AND {_lies_beyond(compiler, query, position, key)}"
    creation = f"{alias}.created, {alias}.id"
    # What precedes a position is read backwards from there.
    order = creation if query.before is None else f"{alias}.created DESC, {alias}.id DESC"
    if key is not None:
        order = f"{key} {'DESC NULLS FIRST' if _keys_fall(query) else 'ASC NULLS LAST'}, {order}"
    offset = ""
    if query.start_index > 1:
        offset = f" OFFSET {compiler.bind(query.start_index - 1)}"
        if key is None:
            # The rows before the page are passed over in the index alone.
            source += f" AND ({creation}) >= (SELECT {creation} {source} ORDER BY {order} LIMIT 1{offset})"
            offset = ""
    selected = {column: f"{alias}.{column}" for column in columns.split(", ")}
    if key is not None:
        selected[SORT_KEY] = key
    selected |= counters
    rows = f"{source} ORDER BY {order} LIMIT {query.count + 1}{offset}"
    return CompiledSearch(
        page=dialect.page(searchable.table, compiler.tenant, selected, rows, query.most_bytes),
        page_parameters=tuple(compiler.parameters),
        total=total,
        parameters=parameters,
        query=query,
        sorted=key is not None,
        looks_at_all=key is not None or (query.filter is not None and compiler.looks_at_all(query.filter)),
    )


def _counters(searchable: Searchable, compiler: Compiler) -> dict[str, str]:
    """Expressions by the names of their columns."""
    kept = f"FROM totals WHERE tenant = {compiler.tenant} AND kind = '{searchable.counted or searchable.table}'"
    counters = {name: f"(SELECT CAST(coalesce(sum({name}), 0) AS bigint) {kept})" for name in (ADDED, REMOVED)}
    if searchable.counted_too:
        counters[ADDED] += f" + (SELECT count(*) FROM {searchable.counted_too} WHERE tenant = {compiler.tenant})"
    return counters


def _columns(expressions: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in expressions.items())


def _sort_key(compiler: Compiler, query: Query) -> str | None:
    if query.sort_by is None:
        return None
    key = compiler.sort_key(query.sort_by)
    if key is None:
        raise InvalidPath(
            f"sortBy: {query.sort_by} can't be sorted by", attribute=str(query.sort_by), reason="can't be sorted by"
        )
    # (created, id) is the order anyhow, and has an index.
    return None if key == f"{compiler.alias}.created" and not query.descending else key


def _keys_fall(query: Query) -> bool:
    """Whether the keys fall in the direction in which the rows are read."""
    return query.descending is (query.before is None)


def _lies_beyond(compiler: Compiler, query: Query, position: Position, key: str | None) -> str:
    """The condition that a row comes after the position, or before it.

    Both databases compare row values by an index, and so the keys, where no row without a key can follow.
    """
    alias, bind = compiler.alias, compiler.bind
    further = ">" if query.before is None else "<"
    behind = f"({alias}.created, {alias}.id) {further} ({bind(position.created)}, {bind(position.id)})"
    if key is None:
        return behind
    if position.key is None:
        among_none = f"({key} IS NULL AND {behind})"
        return f"({among_none} OR {key} IS NOT NULL)" if _keys_fall(query) else among_none
    value = bind(position.key)
    if _keys_fall(query):
        return f"({key} <= {value} AND ({key} < {value} OR {behind}))"
    if compiler.is_never_null(key):
        return f"({key} >= {value} AND ({key} > {value} OR {behind}))"
    return f"({key} > {value} OR ({key} = {value} AND {behind}) OR {key} IS NULL)"
