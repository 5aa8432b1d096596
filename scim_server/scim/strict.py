"""What `conformance: Strict` refuses, before the body is normalised: draft-zollner-scim-interop-profile.

Every attribute must be known and every value of its type; a PATCH operation needs a path. Names of attributes still
compare without case (RFC 7643 §2.1) and null means unassigned. Read-only attributes are ignored in POST and PUT (RFC
7644 §3.3, §3.5.1) and refused in PATCH (§3.5.2).

Filters are read by `filter.parser` with `strict`, and `patch.document` knows what else the profile wants of PATCH.
"""

from collections.abc import Callable, Mapping
from typing import Any

from scim_server.scim.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    MutabilityViolation,
    ScimError,
)
from scim_server.scim.filter.parser import parse_path
from scim_server.scim.filter.target import TargetPath
from scim_server.scim.normalise.mismatch import MISSING, described, kind_of
from scim_server.scim.normalise.patch_body import PATCH_OP_URN
from scim_server.scim.path import UnresolvedPath
from scim_server.scim.schema import Attribute, AttributeType, ResourceType, Schema
from scim_server.scim.values import instant, is_date_time, shown

_OPERATIONS = ("add", "replace", "remove")


def check_resource(body: Any, resource_type: ResourceType) -> None:
    """A body of POST or PUT. Raises InvalidSyntax for what isn't known, InvalidValue for what has another type."""
    if not isinstance(body, dict):
        raise InvalidSyntax(f"the body must be a JSON object, not {kind_of(body)}")
    named = _schemas(body)
    if resource_type.schema.id not in named:
        raise InvalidSyntax(
            f"schemas: {resource_type.schema.id} is expected among them",
            attribute="schemas",
            reason="the schema of the resource is missing",
        )
    for urn in named:
        if resource_type.schema_of_urn(urn) is None:
            raise InvalidSyntax(
                f"schemas: {shown(urn)} isn't known here", attribute="schemas", reason="unknown schema"
            )
    for key, value in body.items():
        attribute = resource_type.attribute(key)
        if attribute is not None:
            _check(attribute, attribute.name, value)
            continue
        schema = resource_type.schema_of_urn(key)
        if schema is None or schema is resource_type.schema:
            raise InvalidSyntax(
                f"{shown(key)} isn't an attribute of {resource_type.name}", attribute=key, reason="unknown attribute"
            )
        if schema.id not in named:
            raise InvalidSyntax(
                f"schemas: {schema.id} is expected, whose attributes are there",
                attribute="schemas",
                reason="the schema of an extension is missing",
            )
        _check_extension(schema, value)


def check_patch(body: Any, resource_type: ResourceType) -> None:
    """A body of PATCH. Raises InvalidSyntax, InvalidPath, InvalidFilter, InvalidValue, MutabilityViolation."""
    if not isinstance(body, dict):
        raise InvalidSyntax(f"the body must be a JSON object, not {kind_of(body)}")
    if _schemas(body) != [PATCH_OP_URN]:
        raise InvalidSyntax(f"schemas: exactly {PATCH_OP_URN} is expected", attribute="schemas")
    operations = body.get("Operations")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax(
            "Operations: an array with at least one operation is expected",
            attribute="Operations",
            reason="an array with at least one operation is expected",
        )
    for index, operation in enumerate(operations):
        place = f"Operations[{index}]"
        if not isinstance(operation, dict):
            raise InvalidSyntax(f"expected an object, found {kind_of(operation)}", reason="expected an object").at(
                place
            )
        _check_operation(operation, resource_type, place)


def _check_operation(operation: dict[str, Any], resource_type: ResourceType, place: str) -> None:
    for key in operation:
        if key not in ("op", "path", "value"):
            raise InvalidSyntax(
                f"{shown(key)} isn't part of an operation", reason="a key that isn't part of an operation"
            ).at(place)
    name, text = operation.get("op", MISSING), operation.get("path", MISSING)
    if name not in _OPERATIONS:
        raise InvalidSyntax(
            f"{place}.op: expected add, replace or remove, found {described(name)}",
            attribute=f"{place}.op",
            reason="expected add, replace or remove",
        )
    if not isinstance(text, str) or not text.strip():
        raise InvalidSyntax(
            f"{place}.path: expected the path of an attribute, found {described(text)}",
            attribute=f"{place}.path",
            reason="expected the path of an attribute",
        )
    if ("value" in operation) == (name == "remove"):
        raise InvalidSyntax(
            f"{place}.value: {'not expected with remove' if name == 'remove' else f'expected with {name}'}"
        )
    try:
        path = parse_path(text, resource_type, strict=True)
    except (InvalidPath, InvalidFilter) as error:
        raise error.at(f"{place}.path") from None
    except UnresolvedPath as error:
        # The profile (§5.3) wants this for everything that isn't known, where RFC 7644 has invalidPath.
        raise InvalidSyntax(
            f"{place}.path: unknown attribute {shown(error.name)}: {error.reason}",
            attribute=error.name,
            reason="unknown attribute",
        ) from None
    if "readOnly" in (path.attribute.mutability, path.target.mutability):
        raise MutabilityViolation(f"{place}.path: {path} is read-only", attribute=str(path), reason="read-only")
    if name != "remove":
        try:
            _check_at(path, operation["value"])
        except ScimError as error:
            raise error.at(f"{place}.value") from None


def _check_at(path: TargetPath, value: Any) -> None:
    target, name = path.target, str(path)
    if path.sub_attribute is None and path.value_filter is not None:
        _check_one(target, name, value)
    else:
        _check(target, name, value)


def _schemas(body: dict[str, Any]) -> list[str]:
    schemas = next((value for key, value in body.items() if key.lower() == "schemas"), MISSING)
    if not isinstance(schemas, list) or not all(isinstance(urn, str) for urn in schemas):
        raise InvalidSyntax(
            f"schemas: expected an array of URNs, found {kind_of(schemas)}",
            attribute="schemas",
            reason="expected an array of URNs",
        )
    return schemas


def _check_extension(schema: Schema, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise InvalidValue(
            f"{schema.id}: expected an object, found {kind_of(value)}",
            attribute=schema.id,
            reason="expected an object",
        )
    for key, inner in value.items():
        attribute = schema.attribute(key)
        if attribute is None:
            raise InvalidSyntax(
                f"{shown(key)} isn't an attribute of {schema.id}", attribute=key, reason="unknown attribute"
            )
        _check(attribute, f"{schema.id}:{attribute.name}", inner)


def _check(attribute: Attribute, name: str, value: Any) -> None:
    if value is None or attribute.mutability == "readOnly":
        return
    if not attribute.multi_valued:
        _check_one(attribute, name, value)
        return
    if not isinstance(value, list):
        raise InvalidValue(
            f"{name}: expected an array, found {kind_of(value)}", attribute=name, reason="expected an array"
        )
    for element in value:
        _check_one(attribute, name, element)


def _check_one(attribute: Attribute, name: str, value: Any) -> None:
    if attribute.type != "complex":
        expected, fits = _TYPES[attribute.type]
        if not fits(value):
            what = kind_of(value) if attribute.returned == "never" else described(value)
            raise InvalidValue(
                f"{name}: expected {expected}, found {what}", attribute=name, reason=f"expected {expected}"
            )
        return
    if not isinstance(value, dict):
        raise InvalidValue(
            f"{name}: expected an object, found {kind_of(value)}", attribute=name, reason="expected an object"
        )
    for key, inner in value.items():
        sub_attribute = attribute.sub_attribute(key)
        if sub_attribute is None:
            raise InvalidSyntax(
                f"{shown(key)} isn't a sub-attribute of {name}",
                attribute=f"{name}.{key}",
                reason="unknown sub-attribute",
            )
        _check(sub_attribute, f"{name}.{sub_attribute.name}", inner)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_date_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and is_date_time(value) and bool(instant(value))
    except ValueError:
        return False


_TYPES: Mapping[AttributeType, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a string", _is_text),
    "reference": ("a string", _is_text),
    "binary": ("a string in base64", _is_text),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("an integer", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "decimal": ("a number", _is_number),
    "dateTime": ("a dateTime", _is_date_time),
}
