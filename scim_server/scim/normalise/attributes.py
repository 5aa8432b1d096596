"""Values of attributes: complex and multi-valued ones around the scalars."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from scim_server.scim.elements import LABELS, keep_one_primary, merge_duplicates
from scim_server.scim.normalise.json_text import json_in_string
from scim_server.scim.normalise.mismatch import Mismatch
from scim_server.scim.normalise.scalars import READERS
from scim_server.scim.references import id_from_reference
from scim_server.scim.schema import Attribute, JsonObject


def parse_attribute(attribute: Attribute, value: Any) -> Any:
    """The attribute's value in canonical form; None when there is none (null, `[]`, `{}`).

    Raises Mismatch, which doesn't show the value of an attribute that is never returned.
    """
    try:
        return _read(attribute, value)
    except Mismatch as mismatch:
        if attribute.returned == "never":
            mismatch.without_value()
        raise


def _read(attribute: Attribute, value: Any) -> Any:
    if value is None:
        return None
    if attribute.multi_valued:
        return parse_elements(attribute, value) or None
    if attribute.type == "complex":
        value = json_in_string(value)
    if isinstance(value, list):
        value = one_element_array(value)
    if value is None:
        return None
    if attribute.type == "complex":
        return parse_complex(attribute, value) or None
    return _read_simple(attribute, value)


def _read_simple(attribute: Attribute, value: Any) -> Any:
    if isinstance(value, dict):
        value = simple_value_in_object(value)
    return None if value is None else READERS[attribute.type](value)


def parse_elements(attribute: Attribute, value: Any) -> list[Any]:
    """The elements of a multi-valued attribute: nulls dropped, duplicates merged, one primary."""
    value = json_in_string(value, only_list=attribute.type != "complex")
    values = value if isinstance(value, list) else [value]  # a scalar for a multi-valued attribute
    if attribute.type == "complex":
        elements = [
            parsed
            for element in values
            if element is not None
            if (parsed := parse_complex(attribute, element)) and not label_without_value(element, parsed)
        ]
        if len(elements) > 1:
            # PingOne sends the same address twice, both primary.
            elements = merge_duplicates(attribute, elements)
            keep_one_primary(elements)
        return elements
    simple = (_read_simple(attribute, element) for element in values if element is not None)
    return merge_duplicates(attribute, [element for element in simple if element is not None])


def parse_complex(attribute: Attribute, value: Any) -> JsonObject:
    """One complex value; unknown and read-only sub-attributes are dropped, so it may come out empty."""
    value = json_in_string(in_known_form(attribute, value))
    if value is None:
        return {}
    if not isinstance(value, dict):
        value = bare_value(attribute, value)
    parsed: JsonObject = {}
    for key, inner in value.items():
        sub_attribute = attribute.sub_attribute(key)
        if sub_attribute is None or inner is None or sub_attribute.mutability == "readOnly":
            continue
        try:
            inner = parse_attribute(sub_attribute, inner)
        except Mismatch as mismatch:
            raise mismatch.inside(sub_attribute.name) from None
        if inner is not None:
            parsed[sub_attribute.name] = inner
    return parsed


def label_without_value(sent: Any, parsed: JsonObject) -> bool:
    """`{"type": "work", "value": null}`: OneLogin's templates send every kind of address, also those a user lacks."""
    return (
        parsed.keys() <= LABELS
        and isinstance(sent, dict)
        and any(key.lower() == "value" and inner is None for key, inner in sent.items())
    )


def in_known_form(attribute: Attribute, value: Any) -> Any:
    """The value of `manager` or an element of `roles`, in whatever form it came; None when it says "none"."""
    form = _FORMS.get(attribute.name)
    return value if form is None else form(value)


def simple_value_in_object(value: JsonObject) -> Any:
    """`{"value": "x"}`, also with `$ref` or `display`, for `"x"`: Entra ID's custom attributes, Microsoft's old
    library and ConnId wrap simple values as if they were complex."""
    by_name = {key.lower(): inner for key, inner in value.items()}
    inner = by_name.get("value")
    if "value" not in by_name or by_name.keys() - _AROUND_A_VALUE or isinstance(inner, dict | list):
        return value
    return inner


def one_element_array(values: list[Any]) -> Any:
    """A singular value inside an array (`"active": [true]`): claims-mapping providers send all claims as arrays."""
    if len(values) > 1:
        raise Mismatch("one value", values)
    return values[0] if values else None


def bare_value(attribute: Attribute, value: Any) -> JsonObject:
    """`"emails": "x"` or `"roles": ["admin"]`: the value alone instead of an object with `value`."""
    if isinstance(value, str | int | float) and not isinstance(value, bool) and attribute.sub_attribute("value"):
        return {"value": value}
    raise Mismatch("an object", value)


def manager_in_any_form(value: Any) -> Any:
    """Entra ID sends the manager as a bare id or `""`, OneLogin as `{"managerId": …}`, both with null inside.

    None means that the sender clears it.
    """
    if value == "":
        return None
    if not isinstance(value, dict):
        return value
    by_name = {key.lower(): inner for key, inner in value.items()}
    manager_id, reference = by_name.get("value") or by_name.get("managerid"), by_name.get("$ref")
    if not manager_id and isinstance(reference, str):
        manager_id = id_from_reference(reference)
    if manager_id:
        return {"value": manager_id, "$ref": reference} if reference else {"value": manager_id}
    return None if by_name.keys() & {"value", "managerid", "$ref"} else value


def role_in_json_string(value: Any) -> Any:
    """Entra ID's AssertiveAppRoleAssignmentsComplex puts the role as JSON in a string, alone or as `value`."""
    text = value
    if isinstance(value, dict):
        text = next((inner for key, inner in value.items() if key.lower() == "value"), None)
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return value
    try:
        inside = orjson.loads(text)
    except orjson.JSONDecodeError:
        return value
    if not isinstance(inside, dict) or not isinstance(inside.get("value"), str):
        return value
    around = {key: inner for key, inner in value.items() if key.lower() != "value"} if isinstance(value, dict) else {}
    display = inside.get("displayName") or inside.get("display")
    return ({"display": display} if display else {}) | around | {"value": inside["value"]}


_AROUND_A_VALUE = frozenset({"value", "$ref", *LABELS})
_FORMS: Mapping[str, Callable[[Any], Any]] = {"manager": manager_in_any_form, "roles": role_in_json_string}
"""What is understood of single attributes, before their sub-attributes are read."""
