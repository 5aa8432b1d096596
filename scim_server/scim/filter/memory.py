"""Filters evaluated on JSON in memory: value paths of PATCH use it, and it is the oracle of the SQL compiler."""

from collections.abc import Callable, Iterable
from typing import Any

from scim_server.folding import fold
from scim_server.scim.filter.ast import And, Comparison, Filter, Literal, Not, Or, Present, ValuePath
from scim_server.scim.path import AttributePath
from scim_server.scim.schema import Attribute, JsonObject
from scim_server.scim.values import stored_instant

Test = Callable[[JsonObject], bool]
_Read = Callable[[JsonObject], Iterable[Any]]


def matches(filter_: Filter, resource: JsonObject) -> bool:
    """Whether a resource in canonical form (extensions under their URN) satisfies the filter."""
    return resource_test(filter_)(resource)


def resource_test(filter_: Filter) -> Test:
    """`matches`, to be asked of many resources."""
    return _test(filter_, _in_resource)


def element_test(filter_: Filter) -> Test:
    """The filter of a value path, to be asked of many elements: what doesn't depend on them is decided here.

    An element of a simple attribute is asked as `{"value": element}`.
    """
    return _test(filter_, _in_element)


def matches_element(filter_: Filter, element: JsonObject) -> bool:
    """Whether one element of a complex attribute satisfies the filter of a value path."""
    return element_test(filter_)(element)


def _test(node: Filter, reader: Callable[[AttributePath], _Read]) -> Test:
    match node:
        case And(items):
            all_of = [_test(item, reader) for item in items]
            return lambda resource: all(test(resource) for test in all_of)
        case Or(items):
            any_of = [_test(item, reader) for item in items]
            return lambda resource: any(test(resource) for test in any_of)
        case Not(item):
            opposite = _test(item, reader)
            return lambda resource: not opposite(resource)
        case Comparison(path, operator, literal):
            read, target = reader(path), path.target
            holds, wanted = _OPERATORS[operator], _comparable(target, literal)

            def compare(resource: JsonObject) -> bool:
                for value in read(resource):
                    actual = _comparable_value(target, value)
                    if actual is not None and holds(actual, wanted):
                        return True
                return False

            return compare
        case Present(path):
            read, target = reader(path), path.target
            return lambda resource: any(_is_present(target, value) for value in read(resource))
        case ValuePath(path, inner):
            read, inside = reader(path), element_test(inner)
            if path.attribute.type != "complex":
                return lambda resource: any(inside({"value": value}) for value in read(resource))
            return lambda resource: any(isinstance(value, dict) and inside(value) for value in read(resource))


def _in_resource(path: AttributePath) -> _Read:
    return lambda resource: _values_in_resource(resource, path)


def _in_element(path: AttributePath) -> _Read:
    target = path.target
    return lambda element: _values(target, element.get(target.name))


def _values_in_resource(resource: JsonObject, path: AttributePath) -> Iterable[Any]:
    container = resource if path.schema_urn is None else resource.get(path.schema_urn)
    values = _values(path.attribute, container.get(path.attribute.name)) if isinstance(container, dict) else ()
    sub_attribute = path.sub_attribute
    if sub_attribute is None:
        return values
    return [
        inner
        for value in values
        if isinstance(value, dict)
        for inner in _values(sub_attribute, value.get(sub_attribute.name))
    ]


def _values(attribute: Attribute, value: Any) -> Iterable[Any]:
    """Of what is stored; none where it isn't shaped as the attribute, whose schema has changed since then."""
    if attribute.multi_valued:
        return value if isinstance(value, list) else ()
    return () if isinstance(value, list) else (value,)


def _is_present(attribute: Attribute, value: Any) -> bool:
    if attribute.type != "complex":
        return _comparable_value(attribute, value) not in (None, "")
    return isinstance(value, dict) and any(
        _is_present(sub_attribute, inner)
        for sub_attribute in attribute.sub_attributes
        for inner in _values(sub_attribute, value.get(sub_attribute.name))
    )


def _comparable_value(attribute: Attribute, value: Any) -> Any:
    """A stored value in the form in which it compares, or None when it isn't of the attribute's type."""
    match attribute.type:
        case "boolean":
            return value if isinstance(value, bool) else None
        case "integer" | "decimal":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "dateTime":
            return stored_instant(value)
        case _:
            return _comparable(attribute, value) if isinstance(value, str) else None


def _comparable(attribute: Attribute, literal: Literal) -> Any:
    return fold(literal) if isinstance(literal, str) and not attribute.case_exact else literal


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda actual, wanted: actual == wanted,
    "co": lambda actual, wanted: wanted in actual,
    "sw": lambda actual, wanted: actual.startswith(wanted),
    "ew": lambda actual, wanted: actual.endswith(wanted),
    "gt": lambda actual, wanted: actual > wanted,
    "ge": lambda actual, wanted: actual >= wanted,
    "lt": lambda actual, wanted: actual < wanted,
    "le": lambda actual, wanted: actual <= wanted,
}
