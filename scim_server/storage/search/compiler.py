"""A filter as a condition of SQL."""

from collections.abc import Callable, Iterator
from functools import partial

from scim_server.scim.filter import And, Comparison, Filter, Not, Operator, Or, Present, ValuePath
from scim_server.scim.filter.ast import Literal
from scim_server.scim.path import AttributePath
from scim_server.scim.schema import Attribute
from scim_server.storage.records import PermissionsOfRoles
from scim_server.storage.search.dialect import Dialect, JsonValue
from scim_server.storage.search.searchable import IndexUse, Searchable, Shortcut, Virtual, comparable
from scim_server.storage.search.sql_builder import SqlBuilder


class Compiler(SqlBuilder):
    """Compiles one query."""

    def __init__(
        self, dialect: Dialect, searchable: Searchable, tenant: str, permissions: PermissionsOfRoles | None = None
    ) -> None:
        super().__init__(dialect, searchable.alias, tenant, permissions)
        self._searchable = searchable
        self._document = dialect.document(searchable.alias)

    def looks_at_all(self, filter_: Filter) -> bool:
        """Whether the database has to look at all resources, since no index finds those that satisfy the filter."""
        return self._index_use(self._without_negations(filter_)) is IndexUse.NONE

    def condition(self, filter_: Filter) -> str:
        """Raises `InvalidFilter` for an attribute that can't be filtered on."""
        return self._found(self._without_negations(filter_))

    def sort_key(self, path: AttributePath) -> str | None:
        """An expression for ORDER BY; None where the attribute can't be sorted by."""
        virtual = self._virtual(path)
        if virtual is not None:
            return virtual.sort_key(self, path)
        column = self._searchable.sort_columns.get((path.schema_urn, path.attribute.name))
        if column is not None:
            return f"{self.alias}.{column}"
        attribute, stored = path.attribute, self._stored(path)
        if path.sub_attribute is None and attribute.type == "complex":
            value = attribute.sub_attribute("value")
            if value is None:
                return None
            path = AttributePath(path.schema_urn, attribute, value)
        target, name = path.target, path.sub_attribute.name if path.sub_attribute else None

        def key(at: JsonValue) -> str:
            return self._sortable(target, at if name is None else at.child(name))

        return stored.preferred_element(key) if attribute.multi_valued else key(stored)

    def is_never_null(self, sort_key: str) -> bool:
        return sort_key.removeprefix(f"{self.alias}.") in self._searchable.never_null

    def _found(self, node: Filter) -> str:
        """The condition of a filter that isn't negated, written so that the databases use their indexes."""
        match node:
            case And(items):
                return "(" + " AND ".join(map(self._found, items)) + ")"
            case Or(items) if self._index_use(node) is IndexUse.OWN_QUERY:
                # PostgreSQL uses no index for an OR with a subquery in it, SQLite no partial one.
                return self.among(f"{self.alias}.id", " UNION ALL ".join(map(self._ids, items)))
            case _:
                return self.boolean(node, self._leaf)

    def _ids(self, node: Filter) -> str:
        """A query for the ids of the resources that satisfy the filter."""
        joins_outside, self.joins = self.joins, 0
        alias = self.alias
        ids = f"SELECT {alias}.id FROM {self._searchable.table} {alias} WHERE {alias}.tenant = {self.tenant}"
        ids += f" AND {self._found(node)}"
        self.joins = joins_outside
        return ids

    def _index_use(self, node: Filter) -> IndexUse:
        """The best of the conditions that all have to be true; the worst of alternatives."""
        match node:
            case And(items):
                return max(map(self._index_use, items))
            case Or(items):
                return min(map(self._index_use, items))
            case Comparison(path, operator, value):
                virtual, shortcut = self._virtual(path), self._shortcut(path) if operator == "eq" else None
                by_virtual = IndexUse.NONE if virtual is None else virtual.index_use(path, operator, value)
                return by_virtual if shortcut is None else shortcut.index_use
            case ValuePath(path, inner):
                shortcuts = [self._shortcut(path, term) for term in _required_equalities(inner)]
                return max(
                    (shortcut.index_use for shortcut in shortcuts if shortcut is not None), default=IndexUse.NONE
                )
            case _:
                return IndexUse.NONE

    def _without_negations(self, node: Filter) -> Filter:
        """The same filter without the negations that keep the databases from using an index."""
        match node:
            case And(items):
                return And(tuple(map(self._without_negations, items)))
            case Or(items):
                return Or(tuple(map(self._without_negations, items)))
            case Not(Not(item)):
                return self._without_negations(item)
            case Not(Comparison(path) as comparison) if (virtual := self._virtual(path)) is not None:
                return virtual.opposite(comparison) or node
            case _:
                return node

    def _leaf(self, leaf: Filter) -> str:
        match leaf:
            case Comparison(path, operator, value):
                return self._comparison(path, operator, value)
            case Present(path):
                return self._present(path)
            case ValuePath(path, inner):
                return self._selection(path, inner)
            case _:
                raise TypeError(leaf)

    def _comparison(self, path: AttributePath, operator: Operator, value: Literal) -> str:
        shortcut = self._shortcut(path) if operator == "eq" else None
        if shortcut is not None and shortcut.exact:
            return shortcut.condition(self, str(value))
        virtual = self._virtual(path)
        if virtual is not None:
            return virtual.compare(self, path, operator, value)
        if shortcut is None:
            self._count_elements(path)
        exact = self._any_value(path, lambda stored: self._compare_at(stored, path.target, operator, value))
        return exact if shortcut is None else f"({shortcut.condition(self, str(value))} AND {exact})"

    def _present(self, path: AttributePath) -> str:
        virtual = self._virtual(path)
        if virtual is not None:
            return virtual.present(self, path)
        self._count_elements(path)
        return self._any_value(path, lambda stored: _filled(stored, path))

    def _selection(self, path: AttributePath, inner: Filter) -> str:
        # The conditions that an index answers narrow the search.
        narrowing = [
            shortcut.condition(self, str(term.value))
            for term in _required_equalities(inner)
            if (shortcut := self._shortcut(path, term)) is not None
        ]
        virtual = self._virtual(path)
        if virtual is not None:
            exact = virtual.select(self, path, inner)
        elif path.attribute.multi_valued:
            counts = not narrowing

            def holds(element: JsonValue) -> str:
                inside = self._inside(path, element, inner, counts=counts)
                if path.schema_urn is None or path.attribute.type != "complex":
                    return inside
                # A stored value of an extension may be of another type than the attribute is now.
                return f"({element.is_object()} AND {inside})"

            exact = self._stored(path).any_element(holds)
        else:
            stored = self._stored(path)
            exact = f"({stored.is_object()} AND {self._inside(path, stored, inner, counts=False)})"
        return f"({' AND '.join([*narrowing, exact])})"

    def _count_elements(self, path: AttributePath) -> None:
        if path.attribute.multi_valued or path.target.multi_valued:
            self.count_compared_elements()

    def _inside(self, selection: AttributePath, element: JsonValue, inner: Filter, *, counts: bool) -> str:
        """The filter of a value path, on one element. `counts`: all elements of all resources are compared."""
        is_complex = selection.attribute.type == "complex"

        def at(path: AttributePath) -> JsonValue:
            return element.child(path.target.name) if is_complex else element

        def leaf(node: Filter) -> str:
            if counts:
                self.count_compared_elements()
            match node:
                case Comparison(path, operator, value):
                    return _any_value_at(
                        at(path),
                        path.target,
                        lambda stored: self._compare_at(stored, path.target, operator, value),
                    )
                case Present(path):
                    return _any_value_at(at(path), path.target, lambda stored: _filled(stored, path))
                case _:  # no value path stands inside another
                    raise TypeError(node)

        return self.boolean(inner, leaf)

    def _virtual(self, path: AttributePath) -> Virtual | None:
        return self._searchable.virtual.get((path.schema_urn, path.attribute.name))

    def _shortcut(self, path: AttributePath, term: Comparison | None = None) -> Shortcut | None:
        """For an attribute, or for a term of a value path."""
        return self._searchable.shortcuts.get((path.schema_urn, (term.path if term else path).dotted))

    def _stored(self, path: AttributePath) -> JsonValue:
        """The stored value of the attribute, not of its sub-attribute."""
        container = self._document if path.schema_urn is None else self._document.extension(path.schema_urn)
        return container.child(path.attribute.name)

    def _any_value(self, path: AttributePath, condition: Callable[[JsonValue], str]) -> str:
        """The condition that some value at the path satisfies `condition`."""
        sub_attribute = path.sub_attribute
        if sub_attribute is None:
            return _any_value_at(self._stored(path), path.attribute, condition)

        def in_element(element: JsonValue) -> str:
            return _any_value_at(element.child(sub_attribute.name), sub_attribute, condition)

        return _any_value_at(self._stored(path), path.attribute, in_element)

    def _compare_at(self, stored: JsonValue, attribute: Attribute, operator: Operator, value: Literal) -> str:
        match attribute.type:
            case "boolean":
                return stored.boolean_is(bool(value))
            case "integer" | "decimal":
                assert isinstance(value, int | float)  # noqa: S101 - the parser types literals by the attribute
                number = int(value) if attribute.type == "integer" else float(value)
                return self.dialect.compare_number(
                    stored.number(attribute.type), operator, self.bind(number), attribute.type
                )
            case "dateTime":
                return self.compare_value(stored.instant(), operator, value)
            case _:
                text = stored.text(exact=attribute.case_exact)
                return self.compare_text(text, operator, comparable(attribute, str(value)))

    def _sortable(self, attribute: Attribute, stored: JsonValue) -> str:
        match attribute.type:
            case "boolean":
                return stored.boolean_is(True)
            case "integer" | "decimal":
                return stored.number(attribute.type)
            case "dateTime":
                return stored.instant()
            case _:
                return self.dialect.sortable_text(stored.text(exact=attribute.case_exact))


def _any_value_at(stored: JsonValue, attribute: Attribute, condition: Callable[[JsonValue], str]) -> str:
    return stored.any_element(condition) if attribute.multi_valued else condition(stored)


def _filled(stored: JsonValue, path: AttributePath) -> str:
    if path.schema_urn is not None:
        return _filled_with_its_type(stored, path.target)
    return stored.any_member_filled() if path.target.type == "complex" else stored.filled()


def _filled_with_its_type(stored: JsonValue, attribute: Attribute) -> str:
    """A stored value of an extension may be of another type than the attribute is now."""
    match attribute.type:
        case "complex":
            parts = (
                _any_value_at(stored.child(part.name), part, partial(_filled_with_its_type, attribute=part))
                for part in attribute.sub_attributes
            )
            return f"({stored.is_object()} AND ({' OR '.join(parts)}))"
        case "boolean":
            return f"({stored.boolean_is(True)} OR {stored.boolean_is(False)})"
        case "integer" | "decimal":
            return f"({stored.number(attribute.type)} IS NOT NULL)"
        case "dateTime":
            return f"({stored.instant()} IS NOT NULL)"
        case _:
            return f"({stored.text(exact=attribute.case_exact)} <> '')"


def _required_equalities(filter_: Filter) -> Iterator[Comparison]:
    """The equalities without which the filter can't hold."""
    for item in filter_.items if isinstance(filter_, And) else (filter_,):
        if isinstance(item, Comparison) and item.operator == "eq":
            yield item
