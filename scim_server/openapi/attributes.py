"""Attributes of SCIM schemas (RFC 7643 §7) as JSON Schema (draft 2020-12), for answers and for bodies.

An answer has exactly what is declared. A body may have null for any attribute, which leaves it without a value (RFC
7643 §2.5); what is read-only may stand in it and is ignored, so that a resource can be sent back as it was read.
"""

from collections.abc import Mapping

from scim_server.scim.resource import DEFAULT_LIMITS, longest_text
from scim_server.scim.schema import Attribute, AttributeType, JsonObject
from scim_server.scim.values import INTEGER_LIMIT

_SCALARS: Mapping[AttributeType, JsonObject] = {
    "string": {"type": "string"},
    "reference": {"type": "string"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int64", "minimum": -INTEGER_LIMIT, "maximum": INTEGER_LIMIT - 1},
    "decimal": {"type": "number"},
    "dateTime": {"type": "string"},
}
_TEXTS: frozenset[AttributeType] = frozenset({"string", "reference", "binary"})


def shown(attribute: Attribute) -> JsonObject:
    """The attribute in an answer."""
    if attribute.type == "complex":
        visible = [part for part in attribute.sub_attributes if part.returned != "never"]
        schema: JsonObject = {
            "type": "object",
            "properties": {part.name: shown(part) for part in visible},
            "additionalProperties": False,
        }
    else:
        schema = _scalar(attribute)
        if attribute.type == "dateTime" and attribute.mutability == "readOnly":
            schema["format"] = "date-time"  # ours; clients' own are shown as they were sent, in any form of ISO 8601
    if attribute.multi_valued:
        schema = {"type": "array", "items": schema}
    return _described(attribute, schema)


def accepted(
    attribute: Attribute, *, closed: bool, in_core: bool = False, parent: Attribute | None = None
) -> JsonObject:
    """The attribute in the body of a POST or PUT. `closed`: unknown sub-attributes are refused. `in_core`: it is the
    core schema's own."""
    if attribute.mutability == "readOnly":
        return _described(attribute, {"readOnly": True})
    if attribute.type == "complex":
        parts = attribute.sub_attributes
        schema: JsonObject = {
            "type": "object",
            "properties": {part.name: accepted(part, closed=closed, parent=attribute) for part in parts},
        }
        if closed:
            schema["additionalProperties"] = False
    else:
        schema = _scalar(attribute)
        if attribute.type == "dateTime":
            schema["format"] = "date-time"
        element_of = parent.name if parent is not None and parent.multi_valued else None
        limit = longest_text(attribute.name, element_of, in_core=in_core)
        if attribute.type in _TEXTS and limit < DEFAULT_LIMITS.string_length:
            schema["maxLength"] = limit
    if attribute.multi_valued:
        schema = {"type": "array", "items": schema}
    elif attribute.required and attribute.type in _TEXTS:
        schema |= {"minLength": 1, "pattern": r"\S"}
    if not attribute.required:
        schema["type"] = [schema["type"], "null"]
    if attribute.mutability == "writeOnly":
        schema["writeOnly"] = True
    return _described(attribute, schema)


def _scalar(attribute: Attribute) -> JsonObject:
    schema = dict(_SCALARS[attribute.type])
    if attribute.canonical_values:
        schema["examples"] = list(attribute.canonical_values)
    return schema


def _described(attribute: Attribute, schema: JsonObject) -> JsonObject:
    return {"description": attribute.description} | schema if attribute.description else schema
