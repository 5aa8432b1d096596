"""What a kind of resource is to a search: its table, and the attributes that don't live in the document."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum

from scim_server.folding import fold
from scim_server.scim.errors import InvalidFilter
from scim_server.scim.filter import Comparison, Filter, Operator, Present, ValuePath, matches
from scim_server.scim.filter.ast import Literal
from scim_server.scim.path import AttributePath
from scim_server.scim.schema import Attribute
from scim_server.scim.versions import tag_of_version
from scim_server.storage.ids import is_id
from scim_server.storage.search.sql_builder import SqlBuilder

FALSE, TRUE = "(1 = 0)", "(1 = 1)"

Name = tuple[str | None, str]
"""An attribute: the extension's URN, or None, and the canonical name."""


class IndexUse(IntEnum):
    """Which index finds the resources that satisfy a condition. Where there is one, they are few."""

    NONE = 0
    """No index: the database looks at all resources."""
    OWN_QUERY = 1
    """The index of another table, or one that holds only these resources: a query of its own reads their ids."""
    COLUMN = 2
    """An index of the searched table, which databases combine with its other indexes."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """The condition that some value of an attribute equals the text, which an index answers.

    Not `exact`: it is true of some other resources too, which the condition on the document leaves out.
    """

    condition: Callable[[SqlBuilder, str], str]
    index_use: IndexUse = IndexUse.COLUMN
    exact: bool = True


class Virtual(ABC):
    """An attribute that isn't (only) in the document."""

    @abstractmethod
    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str: ...

    @abstractmethod
    def present(self, builder: SqlBuilder, path: AttributePath) -> str: ...

    def index_use(self, path: AttributePath, operator: Operator, value: Literal) -> IndexUse:
        """Of the resources that satisfy the comparison."""
        return IndexUse.NONE

    def opposite(self, comparison: Comparison) -> Comparison | None:
        """A comparison that is true exactly where this one isn't, for an attribute that every resource has. None: the
        negation is written as a NOT."""
        return None

    def select(self, builder: SqlBuilder, path: AttributePath, inner: Filter) -> str:
        """The condition that one element satisfies the whole filter."""
        raise not_searchable(path)

    def sort_key(self, builder: SqlBuilder, path: AttributePath) -> str | None:
        """What to sort by; None: nothing here can be sorted by."""
        return None


@dataclass(frozen=True, slots=True)
class Searchable:
    table: str
    alias: str
    virtual: Mapping[Name, Virtual]
    shortcuts: Mapping[tuple[str | None, str], Shortcut]
    """By extension URN and dotted path: equality that an index answers."""
    sort_columns: Mapping[Name, str]
    """Columns to sort by; PostgreSQL reads their indexes in order. Beyond 256 characters the order is stable, but not
    alphabetical."""
    never_null: Collection[str]
    """Columns that resources can be sorted by and all of them have."""
    counted: str = ""
    """The kind of the total, if it isn't called as the table."""
    counted_too: str = ""
    """Another table whose rows are counted with it."""


class Id(Virtual):
    """The key itself; what isn't a UUID equals none."""

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        column, text = f"{builder.alias}.id", str(value)
        if operator == "eq":
            return f"{column} = {builder.bind(text)}" if is_id(text) else FALSE
        return builder.compare_text(builder.dialect.id_text(column), operator, text)

    def index_use(self, path: AttributePath, operator: Operator, value: Literal) -> IndexUse:
        return IndexUse.COLUMN if operator == "eq" else IndexUse.NONE

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        return TRUE

    def sort_key(self, builder: SqlBuilder, path: AttributePath) -> str | None:
        return f"{builder.alias}.id"


class Meta(Virtual):
    """`meta`: columns, and the resource's type."""

    def __init__(self, resource_type: str) -> None:
        self._resource_type = resource_type

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        match path.target.name:
            case "created":
                return builder.compare_value(f"{builder.alias}.created", operator, value)
            case "lastModified":
                condition = builder.compare_value(f"{builder.alias}.modified", operator, value)
                return builder.dialect.rare(condition) if self.index_use(path, operator, value) else condition
            case "version":
                etag = f"""('W/"' || {builder.alias}.version || '"')"""
                return builder.compare_text(etag, operator, tag_of_version(str(value)))
            case "resourceType":
                constant = {"meta": {"resourceType": self._resource_type}}
                return TRUE if matches(Comparison(path, operator, value), constant) else FALSE
            case _:
                raise not_searchable(path)

    def index_use(self, path: AttributePath, operator: Operator, value: Literal) -> IndexUse:
        # A client that asks for this wants what has changed since its last request.
        asks_for_changes = path.target.name == "lastModified" and operator in ("eq", "gt", "ge")
        return IndexUse.COLUMN if asks_for_changes else IndexUse.NONE

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        return TRUE

    def sort_key(self, builder: SqlBuilder, path: AttributePath) -> str | None:
        columns = {"created": "created", "lastModified": "modified"}
        column = columns.get(path.target.name)
        return None if column is None else f"{builder.alias}.{column}"


class Schemas(Virtual):
    """`schemas`: the core schema's URN, and those that the document has values under."""

    def __init__(self, core: str) -> None:
        self._core = core

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        return self._has(builder, Comparison(path, operator, value))

    def select(self, builder: SqlBuilder, path: AttributePath, inner: Filter) -> str:
        return self._has(builder, ValuePath(path, inner))

    def _has(self, builder: SqlBuilder, wanted: Comparison | ValuePath) -> str:
        if matches(wanted, {"schemas": [self._core]}):
            return TRUE
        inner = wanted.filter if isinstance(wanted, ValuePath) else wanted
        colon = builder.bind(":")

        def is_wanted(key: str) -> str:
            is_urn = builder.dialect.compare_text(key, "co", colon)  # names of attributes hold none
            return f"{is_urn} AND {builder.boolean(inner, lambda leaf: _compared(builder, key, leaf))}"

        return builder.dialect.any_key(builder.alias, is_wanted)

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        return TRUE


def _compared(builder: SqlBuilder, key: str, leaf: Filter) -> str:
    match leaf:
        case Comparison(_, operator, value):
            return builder.compare_text(key, operator, str(value))
        case Present():
            return TRUE
        case _:  # no value path stands inside another
            raise TypeError(leaf)


@dataclass(frozen=True, slots=True)
class Column:
    """A sub-attribute of joined rows: an expression, or for text one that is folded or exact as its schema says."""

    sql: Callable[[SqlBuilder], str]
    is_time: bool = False


class Rows(Virtual):
    """A complex multi-valued attribute whose elements are rows of other tables."""

    def __init__(self, source: Callable[[SqlBuilder, str], str], columns: Mapping[str, Column]) -> None:
        self._source = source
        self._columns = columns

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        return self._source(builder, self._comparison(builder, path, operator, value))

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        if path.sub_attribute is None:
            return self._source(builder, TRUE)
        return self._source(builder, self._filled(builder, path))

    def select(self, builder: SqlBuilder, path: AttributePath, inner: Filter) -> str:
        return self._source(builder, builder.boolean(inner, lambda leaf: self._leaf(builder, leaf)))

    def _leaf(self, builder: SqlBuilder, leaf: Filter) -> str:
        match leaf:
            case Comparison(path, operator, value):
                return self._comparison(builder, path, operator, value)
            case Present(path):
                return self._filled(builder, path)
            case _:  # no value path stands inside another
                raise TypeError(leaf)

    def _comparison(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        column = self._column(path)
        builder.count_compared_elements()
        if column.is_time:
            return builder.compare_value(column.sql(builder), operator, value)
        return builder.compare_text(column.sql(builder), operator, comparable(path.target, str(value)))

    def _filled(self, builder: SqlBuilder, path: AttributePath) -> str:
        column = self._column(path)
        builder.count_compared_elements()
        is_filled = "IS NOT NULL" if column.is_time else "<> ''"
        return f"({column.sql(builder)} {is_filled})"

    def _column(self, path: AttributePath) -> Column:
        column = self._columns.get(path.target.name) if path.sub_attribute else None
        if column is None:
            raise not_searchable(path)
        return column


def comparable(attribute: Attribute, text: str) -> str:
    """Text in the form in which values of the attribute compare."""
    return text if attribute.case_exact else fold(text)


def not_searchable(path: AttributePath) -> InvalidFilter:
    return InvalidFilter(f"{path} can't be filtered on", attribute=str(path), reason="can't be filtered on")
