"""Operations applied to a document (RFC 7644 §3.5.2): users, and groups' attributes other than members.

Where providers need more than the RFC: a value path that selects nothing creates the element from its terms
(Entra ID), so that several operations with the same selection fill one element; removing what isn't there is
no error, since providers repeat requests.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from scim_server.scim.elements import LABELS, element_key, keep_one_primary, merge_duplicates, value_key
from scim_server.scim.errors import InvalidValue, MutabilityViolation, NoTarget
from scim_server.scim.filter.ast import And, Comparison, Filter, Not, Or
from scim_server.scim.filter.memory import element_test, matches_element
from scim_server.scim.filter.render import render_path
from scim_server.scim.patch.operation import Operation
from scim_server.scim.resource import check_immutable
from scim_server.scim.schema import Attribute, JsonObject, ResourceType
from scim_server.scim.values import shown

MAX_OPERATIONS = 2_000
"""Operations on one document. Members of groups aren't counted."""

MAX_STEPS = 200_000
"""Of work on one document: an element or 128 bytes of it looked at, by one term of a selection or to be written. That
is 100 roles taken one by one from a user who has 1,000; no more, since the database's locks are held meanwhile."""

_FEW_STEPS = 5_000


def apply_to_document(
    document: JsonObject, operations: Sequence[Operation], resource_type: ResourceType, *, strict: bool = False
) -> JsonObject:
    """The document after the operations, in order and all or none; the given one stays as it is.

    `strict`: a selection creates nothing, and `replace` of a complex attribute leaves nothing of the old one
    (draft-zollner-scim-interop-profile §6.5.2).

    Raises NoTarget when a selection matches nothing and can't be created, MutabilityViolation when a required
    attribute would go or an immutable one change, InvalidValue for more than MAX_OPERATIONS or MAX_STEPS.
    """
    if len(operations) > MAX_OPERATIONS:
        raise InvalidValue(
            f"{len(operations)} changes in one request; at most {MAX_OPERATIONS} are accepted",
            attribute="Operations",
            reason="too many changes",
        )
    changed: JsonObject = _copied(document)
    steps = 0
    for operation in operations:
        steps += _steps(changed, operation)
        if steps > MAX_STEPS:
            raise InvalidValue(
                f"the changes of one request, by the elements that each is about, amount to more than {MAX_STEPS}"
                f" steps at {shown(render_path(operation.path))}: send them in several requests",
                attribute="Operations",
                reason="too many changes",
            )
        _apply(changed, operation, strict=strict)
    _merge_what_became_alike(changed, operations)
    check_immutable(document, changed, resource_type)
    return changed


def is_costly(document: JsonObject, operations: Sequence[Operation]) -> bool:
    """Whether applying them may take milliseconds, up to the second that MAX_STEPS may: not beside an event loop."""
    parts = (document, *(part for part in document.values() if isinstance(part, dict)))
    elements = max((len(value) for part in parts for value in part.values() if isinstance(value, list)), default=0)
    elements += len(operations)  # each may add one, which the next ones look at
    looked_at = 0
    for operation in operations:
        selection, value = operation.path.value_filter, operation.value
        looked_at += elements * (1 if selection is None else _number_of_terms(selection))
        looked_at += 0 if value is None else _size(value)
        if looked_at > _FEW_STEPS:
            return True
    return False


def _steps(document: JsonObject, operation: Operation) -> int:
    """At most how many an operation takes."""
    path = operation.path
    container = document if path.schema_urn is None else document.get(path.schema_urn, {})
    current = container.get(path.attribute.name)
    written = 0 if operation.value is None else _size(operation.value)
    if not isinstance(current, list | dict):
        return 1 + written
    looked_at = len(current) + len(orjson.dumps(current)) // 128
    if path.sub_attribute is None and path.value_filter is None:
        return looked_at + written
    terms = 0 if path.value_filter is None else _number_of_terms(path.value_filter)
    merged = _size(current) if path.sub_attribute is not None and path.sub_attribute.multi_valued else 0
    return merged + looked_at * max(1, terms) + len(current) * written


def _size(value: Any) -> int:
    """The values in a value."""
    if isinstance(value, list):
        return sum(_size(inner) for inner in value) if value and isinstance(value[0], dict | list) else len(value)
    if isinstance(value, dict):
        return sum(_size(inner) for inner in value.values())
    return 1


def _number_of_terms(selection: Filter) -> int:
    match selection:
        case And(items) | Or(items):
            return sum(_number_of_terms(item) for item in items)
        case Not(item):
            return _number_of_terms(item)
    return 1


def _merge_what_became_alike(document: JsonObject, operations: Sequence[Operation]) -> None:
    """Operations that change parts of elements can leave two with one value and type (RFC 7643 §2.4)."""
    paths = {(path.schema_urn, path.attribute.name): path for path in (operation.path for operation in operations)}
    for path in paths.values():
        container = document if path.schema_urn is None else document.get(path.schema_urn, {})
        elements = container.get(path.attribute.name)
        if isinstance(elements, list) and len(elements) > 1:
            container[path.attribute.name] = merge_duplicates(path.attribute, elements)


def _apply(document: JsonObject, operation: Operation, *, strict: bool) -> None:
    path = operation.path
    if operation.op == "remove" and path.value_filter is None and operation.value is None and path.target.required:
        raise MutabilityViolation(f"{path} is required and can't be removed", attribute=str(path), reason="required")
    urn, name = path.schema_urn, path.attribute.name
    container = document if urn is None else document.get(urn, {})
    current = container.get(name)
    if path.value_filter is not None:
        after = _with_selection(current, operation, path.value_filter, strict=strict)
    elif path.sub_attribute is not None:
        after = _with_sub_attribute(current, operation, path.sub_attribute)
    else:
        after = _whole(current, operation, strict=strict)
    if after is None or after in ([], {}):
        container.pop(name, None)
    else:
        container[name] = after
    if urn is not None:
        if container:
            document[urn] = container
        else:
            document.pop(urn, None)


def _whole(current: Any, operation: Operation, *, strict: bool) -> Any:
    """`title`, `name`, `emails`: an attribute as a whole."""
    attribute, value = operation.path.attribute, operation.value
    if operation.op == "remove":
        return None if value is None else _without(attribute, current or [], value)
    value = _copied(value)
    if attribute.multi_valued:
        return value if operation.op == "replace" else _joined(attribute, current or [], value)
    if attribute.type == "complex" and not (strict and operation.op == "replace"):
        # Also for replace: sub-attributes that aren't named stay (RFC 7644 §3.5.2.3; Entra ID relies on it).
        return {**(current or {}), **value}
    return value


def _joined(attribute: Attribute, current: list[Any], new: list[Any]) -> list[Any]:
    """Elements added; one that is there already (same value and type, or same value where the new one has no type)
    takes the new one's sub-attributes."""
    if attribute.type != "complex":
        return merge_duplicates(attribute, [*current, *new])
    by_key = {element_key(attribute, element): element for element in current}
    by_value = {value_key(attribute, element): element for element in current if "value" in element}
    touched = []
    for element in new:
        untyped = (
            by_value.get(value_key(attribute, element)) if element.keys() & {"value", "type"} == {"value"} else None
        )
        existing = untyped or by_key.setdefault(element_key(attribute, element), element)
        existing.update(element)
        touched.append(existing)
    joined = list(by_key.values())
    keep_one_primary(joined, touched)
    return joined


def _without(attribute: Attribute, current: list[Any], unwanted: list[Any]) -> list[Any]:
    """Elements minus the named ones; a named `value` without a `type` means every element with that value."""
    keys = {element_key(attribute, element) for element in unwanted}
    values = {
        value_key(attribute, element)
        for element in unwanted
        if isinstance(element, dict) and "value" in element and "type" not in element
    }
    return [
        element
        for element in current
        if element_key(attribute, element) not in keys
        and not (isinstance(element, dict) and "value" in element and value_key(attribute, element) in values)
    ]


def _with_sub_attribute(current: Any, operation: Operation, sub_attribute: Attribute) -> Any:
    """`name.familyName`; on a multi-valued attribute (`emails.type`) every element is meant."""
    if not operation.path.attribute.multi_valued:
        element = current or {}
        _set(element, operation, sub_attribute)
        return element
    elements = current or ([] if operation.op == "remove" else [{}])
    return _with_parts(elements, elements, operation, sub_attribute)


def _with_selection(current: Any, operation: Operation, selection: Filter, *, strict: bool) -> Any:
    """`emails[type eq "work"]` and `emails[type eq "work"].value`."""
    path = operation.path
    if path.attribute.type != "complex":
        return _with_selected_values(current or [], operation, selection, strict=strict)
    elements: list[JsonObject] = (current or []) if path.attribute.multi_valued else [current] if current else []
    is_selected = element_test(selection)
    if operation.op == "remove" and path.sub_attribute is None:
        elements = [element for element in elements if not is_selected(element)]
    else:
        selected = [element for element in elements if is_selected(element)]
        if operation.op != "remove" and not selected:
            alone = path.attribute.multi_valued or not elements
            selected = [_created(operation, selection, creates=alone and not strict)]
            elements = [*elements, *selected]
            keep_one_primary(elements, selected)
        elif path.sub_attribute is not None:
            elements = _with_parts(elements, selected, operation, path.sub_attribute)
        else:
            for element in selected:
                if operation.op == "replace":
                    element.clear()
                    element.update(_terms(selection) or {})
                element.update(_copied(operation.value))
            keep_one_primary(elements, selected)
    return elements if path.attribute.multi_valued else elements[0] if elements else None


def _with_selected_values(current: list[Any], operation: Operation, selection: Filter, *, strict: bool) -> list[Any]:
    """`devices[value eq "D2"]`: elements that are simple values. What selects nothing adds the value if that is what
    is selected."""
    is_selected = element_test(selection)
    selected = [is_selected({"value": element}) for element in current]
    if operation.op == "remove":
        return [element for element, chosen in zip(current, selected, strict=True) if not chosen]
    if any(selected):
        return [operation.value if chosen else element for element, chosen in zip(current, selected, strict=True)]
    if strict or not is_selected({"value": operation.value}):
        raise NoTarget(f"{shown(render_path(operation.path))} matches nothing")
    return [*current, operation.value]


def _with_parts(
    elements: list[JsonObject], selected: list[JsonObject], operation: Operation, sub_attribute: Attribute
) -> list[JsonObject]:
    """The elements after a sub-attribute of the selected ones was set or removed.

    Those that a removal left with nothing but labels are gone; a removal of what isn't there leaves everything.
    """
    if operation.op != "remove":
        for element in selected:
            _set(element, operation, sub_attribute)
        if sub_attribute.name == "primary":
            keep_one_primary(elements, selected)
        return elements
    labels = LABELS if operation.path.attribute.multi_valued else frozenset()
    left_empty = {
        id(element)
        for element in selected
        if element.pop(sub_attribute.name, None) is not None and element.keys() <= labels
    }
    return [element for element in elements if id(element) not in left_empty]


def _created(operation: Operation, selection: Filter, *, creates: bool) -> JsonObject:
    """The element that a selection describes: `[type eq "work"].value` = x → `{"type": "work", "value": x}`."""
    path = operation.path
    terms = _terms(selection) if creates else None
    if terms is not None:
        value = _copied(operation.value)
        element = {**terms, **(value if path.sub_attribute is None else {path.sub_attribute.name: value})}
        if matches_element(selection, element):
            return element
    raise NoTarget(f"{shown(render_path(path))} matches nothing", attribute=str(path))


def _terms(selection: Filter) -> JsonObject | None:
    """The sub-attributes that equalities joined by `and` ask for; None for any other filter."""
    match selection:
        case Comparison(path, "eq", value):
            return {path.target.name: value.isoformat() if isinstance(value, datetime) else value}
        case And(items):
            terms: JsonObject = {}
            for item in items:
                term = _terms(item)
                if term is None:
                    return None
                terms |= term
            return terms
    return None


def _set(element: JsonObject, operation: Operation, sub_attribute: Attribute) -> None:
    if operation.op == "remove":
        element.pop(sub_attribute.name, None)
        return
    value = _copied(operation.value)
    if operation.op == "add" and sub_attribute.multi_valued:
        value = merge_duplicates(sub_attribute, [*element.get(sub_attribute.name, []), *value])
    element[sub_attribute.name] = value


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copied(inner) for inner in value]
    return value
