"""Fits stored documents to the tenant's schemas of today (RFC 7643 §7).

A configuration may declare another type for an attribute of an extension than it had when values were stored.
"""

from collections.abc import Iterable
from typing import Any

from scim_server.scim.schema import Attribute, JsonObject, Schema
from scim_server.scim.values import INTEGER_LIMIT, stored_instant


def fit_document(document: JsonObject, extensions: Iterable[Schema]) -> JsonObject:
    """The document with the values of these extensions as they are declared; the same object where all fit already.

    Where an attribute has become multi-valued, its value is the only element; where it has become singular, its only
    element is the value. Other values that don't fit are left out. Attributes that aren't declared any more stay:
    they are shown to no client, and come back with their declaration.
    """
    changed = document
    for schema in extensions:
        values = document.get(schema.id)
        if not values:
            continue
        fitting = _fitting_extension(schema, values)
        if fitting != values:
            changed = {key: value for key, value in changed.items() if key != schema.id}
            if fitting:
                changed[schema.id] = fitting
    return changed


def _fitting_extension(schema: Schema, values: JsonObject) -> JsonObject:
    fitting: JsonObject = {}
    for name, value in values.items():
        attribute = schema.attribute(name)
        kept = value if attribute is None else _fitting(attribute, value)
        if kept is not None:
            fitting[name] = kept
    return fitting


def _fitting(attribute: Attribute, value: Any) -> Any:
    """What of a value fits; None for nothing."""
    if attribute.multi_valued:
        elements = value if isinstance(value, list) else [value]
        return [kept for element in elements if (kept := _fitting_one(attribute, element)) is not None] or None
    if isinstance(value, list):
        return _fitting_one(attribute, value[0]) if len(value) == 1 else None
    return _fitting_one(attribute, value)


def _fitting_one(attribute: Attribute, value: Any) -> Any:
    if attribute.type != "complex":
        return value if _is_of_type(attribute, value) else None
    if not isinstance(value, dict):
        return None
    return {
        part.name: kept
        for part in attribute.sub_attributes
        if part.name in value and (kept := _fitting(part, value[part.name])) is not None
    } or None


def _is_of_type(attribute: Attribute, value: Any) -> bool:
    match attribute.type:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and -INTEGER_LIMIT <= value < INTEGER_LIMIT
        case "decimal":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "dateTime":
            return stored_instant(value) is not None
        case _:
            return isinstance(value, str)
