"""A query as statements: one for the page, one for the total where the page doesn't tell it."""

from dataclasses import dataclass

from scim_server.scim.errors import InvalidPath
from scim_server.storage.protocol import Query
from scim_server.storage.search.compiler import Compiler
from scim_server.storage.search.dialect import Dialect
from scim_server.storage.search.searchable import Searchable


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    page: str
    """Returns up to one row more than the page has, which tells whether there are more."""
    page_parameters: tuple[object, ...]
    total: str
    parameters: tuple[object, ...]
    count: int
    start_index: int

    def total_from(self, rows: int) -> int | None:
        """The total, where the number of rows that the page statement returned tells it."""
        if self.count == 0 or rows > self.count or (rows == 0 and self.start_index > 1):
            return None
        return self.start_index - 1 + rows


def compile_search(
    searchable: Searchable, dialect: Dialect, tenant: str, query: Query, columns: str
) -> CompiledSearch:
    """`columns` of the searched table. Raises `InvalidFilter`; `InvalidPath` where `sort_by` can't be sorted by."""
    compiler = Compiler(dialect, searchable, tenant, query.effective)
    alias = searchable.alias
    where = f"{alias}.tenant = {compiler.tenant}"
    if query.filter is not None:
        where += f" AND {compiler.condition(query.filter)}"
    source = f"FROM {searchable.table} {alias} WHERE {where}"
    parameters = tuple(compiler.parameters)
    selected = ", ".join(f"{alias}.{column.strip()}" for column in columns.split(","))
    offset = f" OFFSET {compiler.bind(query.start_index - 1)}" if query.start_index > 1 else ""
    return CompiledSearch(
        page=f"SELECT {selected} {source} ORDER BY {_order(compiler, query)} LIMIT {query.count + 1}{offset}",
        page_parameters=tuple(compiler.parameters),
        total=f"SELECT count(*) {source}",
        parameters=parameters,
        count=query.count,
        start_index=query.start_index,
    )


def _order(compiler: Compiler, query: Query) -> str:
    alias = compiler.alias
    stable = f"{alias}.created, {alias}.id"
    if query.sort_by is None:
        return stable
    key = compiler.sort_key(query.sort_by)
    if key is None:
        raise InvalidPath(f"sortBy: {query.sort_by} can't be sorted by")
    return f"{key} {'DESC NULLS FIRST' if query.descending else 'ASC NULLS LAST'}, {stable}"
