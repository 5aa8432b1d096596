"""A filter as a condition of SQL."""

from collections.abc import Callable, Iterator
from functools import partial

from scim_server.scim.filter import And, Comparison, Filter, Not, Operator, Or, Present, ValuePath
from scim_server.scim.filter.ast import Literal
from scim_server.scim.path import AttributePath
from scim_server.scim.schema import Attribute
from scim_server.storage.records import EffectiveContext
from scim_server.storage.search.dialect import Dialect, Place
from scim_server.storage.search.searchable import Lead, Searchable, Shortcut, Virtual, comparable
from scim_server.storage.search.sql_builder import SqlBuilder


class Compiler(SqlBuilder):
    """Compiles one query."""

    def __init__(
        self, dialect: Dialect, searchable: Searchable, tenant: str, effective: EffectiveContext | None = None
    ) -> None:
        super().__init__(dialect, searchable.alias, tenant, effective)
        self._searchable = searchable
        self._document = dialect.document(searchable.alias)

    def looks_at_all(self, filter_: Filter) -> bool:
        """Whether no index leads to those who satisfy it."""
        return self._lead(self._without_negations(filter_)) is Lead.NONE

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
        attribute, place = path.attribute, self._place(path)
        if path.sub_attribute is None and attribute.type == "complex":
            value = attribute.sub_attribute("value")
            if value is None:
                return None
            path = AttributePath(path.schema_urn, attribute, value)
        target, name = path.target, path.sub_attribute.name if path.sub_attribute else None

        def key(at: Place) -> str:
            return self._sortable(target, at if name is None else at.child(name))

        return place.preferred_element(key) if attribute.multi_valued else key(place)

    def _found(self, node: Filter) -> str:
        """The condition, where it says which rows are looked for: in no negation."""
        match node:
            case And(items):
                return "(" + " AND ".join(map(self._found, items)) + ")"
            case Or(items) if self._lead(node) is Lead.ALONE:
                # PostgreSQL uses no index for an OR with a subquery in it, SQLite no partial one.
                return self.among(f"{self.alias}.id", " UNION ALL ".join(map(self._ids, items)))
            case _:
                return self.boolean(node, self._leaf)

    def _ids(self, node: Filter) -> str:
        """A query for the ids of those that satisfy it."""
        joins_outside, self.joins = self.joins, 0
        alias = self.alias
        ids = f"SELECT {alias}.id FROM {self._searchable.table} {alias} WHERE {alias}.tenant = {self.tenant}"
        ids += f" AND {self._found(node)}"
        self.joins = joins_outside
        return ids

    def _lead(self, node: Filter) -> Lead:
        """The best one of several conditions that all have to hold, the worst one of alternatives."""
        match node:
            case And(items):
                return max(map(self._lead, items))
            case Or(items):
                return min(map(self._lead, items))
            case Comparison(path, operator, value):
                virtual, shortcut = self._virtual(path), self._shortcut(path) if operator == "eq" else None
                by_virtual = Lead.NONE if virtual is None else virtual.lead(path, operator, value)
                return by_virtual if shortcut is None else shortcut.lead
            case ValuePath(path, inner):
                shortcuts = [self._shortcut(path, term) for term in _required_equalities(inner)]
                return max((shortcut.lead for shortcut in shortcuts if shortcut is not None), default=Lead.NONE)
            case _:
                return Lead.NONE

    def _without_negations(self, node: Filter) -> Filter:
        """The same without those negations that would hide what an index answers."""
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
        exact = self._any_value(path, lambda place: self._compare_at(place, path.target, operator, value))
        return exact if shortcut is None else f"({shortcut.condition(self, str(value))} AND {exact})"

    def _present(self, path: AttributePath) -> str:
        virtual = self._virtual(path)
        if virtual is not None:
            return virtual.present(self, path)
        self._count_elements(path)
        return self._any_value(path, lambda place: _filled(place, path))

    def _selection(self, path: AttributePath, inner: Filter) -> str:
        # What an index can answer of it narrows the search.
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

            def holds(element: Place) -> str:
                inside = self._inside(path, element, inner, counts=counts)
                if path.schema_urn is None or path.attribute.type != "complex":
                    return inside
                # What is stored of an extension may be of another type than the attribute is by now.
                return f"({element.is_object()} AND {inside})"

            exact = self._place(path).any_element(holds)
        else:
            place = self._place(path)
            exact = f"({place.is_object()} AND {self._inside(path, place, inner, counts=False)})"
        return f"({' AND '.join([*narrowing, exact])})"

    def _count_elements(self, path: AttributePath) -> None:
        if path.attribute.multi_valued or path.target.multi_valued:
            self.count_compared_elements()

    def _inside(self, selection: AttributePath, element: Place, inner: Filter, *, counts: bool) -> str:
        """The filter of a value path, on one element. `counts`: it is asked of all elements of all resources."""
        is_complex = selection.attribute.type == "complex"

        def at(path: AttributePath) -> Place:
            return element.child(path.target.name) if is_complex else element

        def leaf(node: Filter) -> str:
            if counts:
                self.count_compared_elements()
            match node:
                case Comparison(path, operator, value):
                    return _any_value_at(
                        at(path),
                        path.target,
                        lambda place: self._compare_at(place, path.target, operator, value),
                    )
                case Present(path):
                    return _any_value_at(at(path), path.target, lambda place: _filled(place, path))
                case _:  # no value path stands inside another
                    raise TypeError(node)

        return self.boolean(inner, leaf)

    def _virtual(self, path: AttributePath) -> Virtual | None:
        return self._searchable.virtual.get((path.schema_urn, path.attribute.name))

    def _shortcut(self, path: AttributePath, term: Comparison | None = None) -> Shortcut | None:
        """For an attribute, or for a term of a value path."""
        return self._searchable.shortcuts.get((path.schema_urn, (term.path if term else path).dotted))

    def _place(self, path: AttributePath) -> Place:
        """Where the attribute (not its sub-attribute) stands in the document."""
        container = self._document if path.schema_urn is None else self._document.extension(path.schema_urn)
        return container.child(path.attribute.name)

    def _any_value(self, path: AttributePath, condition: Callable[[Place], str]) -> str:
        """That some value at the path satisfies the condition."""
        sub_attribute = path.sub_attribute
        if sub_attribute is None:
            return _any_value_at(self._place(path), path.attribute, condition)

        def in_element(element: Place) -> str:
            return _any_value_at(element.child(sub_attribute.name), sub_attribute, condition)

        return _any_value_at(self._place(path), path.attribute, in_element)

    def _compare_at(self, place: Place, attribute: Attribute, operator: Operator, value: Literal) -> str:
        match attribute.type:
            case "boolean":
                return place.boolean_is(bool(value))
            case "integer" | "decimal":
                assert isinstance(value, int | float)  # noqa: S101 - the parser types literals by the attribute
                number = int(value) if attribute.type == "integer" else float(value)
                return self.dialect.compare_number(
                    place.number(attribute.type), operator, self.bind(number), attribute.type
                )
            case "dateTime":
                return self.compare_value(place.instant(), operator, value)
            case _:
                text = place.text(exact=attribute.case_exact)
                return self.compare_text(text, operator, comparable(attribute, str(value)))

    def _sortable(self, attribute: Attribute, place: Place) -> str:
        match attribute.type:
            case "boolean":
                return place.boolean_is(True)
            case "integer" | "decimal":
                return place.number(attribute.type)
            case "dateTime":
                return place.instant()
            case _:
                return self.dialect.sortable_text(place.text(exact=attribute.case_exact))


def _any_value_at(place: Place, attribute: Attribute, condition: Callable[[Place], str]) -> str:
    return place.any_element(condition) if attribute.multi_valued else condition(place)


def _filled(place: Place, path: AttributePath) -> str:
    if path.schema_urn is not None:
        return _filled_with_its_type(place, path.target)
    return place.any_member_filled() if path.target.type == "complex" else place.filled()


def _filled_with_its_type(place: Place, attribute: Attribute) -> str:
    """What is stored of an extension may be of another type than the attribute is by now."""
    match attribute.type:
        case "complex":
            parts = (
                _any_value_at(place.child(part.name), part, partial(_filled_with_its_type, attribute=part))
                for part in attribute.sub_attributes
            )
            return f"({place.is_object()} AND ({' OR '.join(parts)}))"
        case "boolean":
            return f"({place.boolean_is(True)} OR {place.boolean_is(False)})"
        case "integer" | "decimal":
            return f"({place.number(attribute.type)} IS NOT NULL)"
        case "dateTime":
            return f"({place.instant()} IS NOT NULL)"
        case _:
            return f"({place.text(exact=attribute.case_exact)} <> '')"


def _required_equalities(filter_: Filter) -> Iterator[Comparison]:
    """The equalities without which the filter can't hold."""
    for item in filter_.items if isinstance(filter_, And) else (filter_,):
        if isinstance(item, Comparison) and item.operator == "eq":
            yield item
