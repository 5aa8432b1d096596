"""Elements of multi-valued attributes: which two are the same, and which one is primary (RFC 7643 §2.4)."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import orjson

from scim_server.folding import fold
from scim_server.scim.schema import Attribute, JsonObject

LABELS = frozenset({"type", "primary", "display"})
"""Sub-attributes that say something about a value; an element with nothing else says nothing."""


def element_key(attribute: Attribute, element: Any) -> Hashable:
    """What makes an element itself: its `value` and `type`, or all of it where it has no `value`."""
    if not isinstance(element, dict):
        return _comparable(attribute, element)
    if "value" not in element:
        return orjson.dumps(element, option=orjson.OPT_SORT_KEYS)
    return value_key(attribute, element), fold(str(element.get("type", "")))


def value_key(attribute: Attribute, element: JsonObject) -> Hashable:
    """The element's `value` as it compares, whatever its type."""
    value = attribute.sub_attribute("value")
    return _comparable(value or attribute, element["value"])


def merge_duplicates(attribute: Attribute, elements: Iterable[Any]) -> list[Any]:
    """Each element once, in the order of first appearance; a later duplicate adds what the first one lacks.

    The merged one is primary where any of them was.
    """
    merged: dict[Hashable, Any] = {}
    for element in elements:
        key = element_key(attribute, element)
        first = merged.get(key)
        if first is None:
            merged[key] = element
        elif isinstance(element, dict):
            both = merged[key] = {**element, **first}
            if element.get("primary") is True:
                both["primary"] = True
    return list(merged.values())


def keep_one_primary(elements: Iterable[JsonObject], preferred: Sequence[JsonObject] = ()) -> None:
    """Leave `primary: true` to one element at most: the first preferred one that has it, else the first at all."""
    elements = list(elements)
    chosen = next((e for e in (*preferred, *elements) if e.get("primary") is True), None)
    for element in elements:
        if element is not chosen and element.get("primary") is True:
            element["primary"] = False


def _comparable(attribute: Attribute, value: Any) -> Hashable:
    if isinstance(value, str):
        return value if attribute.case_exact else fold(value)
    return orjson.dumps(value)
