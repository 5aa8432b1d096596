"""Bodies of PATCH → operations, each with a resolved path and a value in canonical form (RFC 7644 §3.5.2)."""

from typing import Any

from scim_server.scim.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    MutabilityViolation,
    NoTarget,
    ScimError,
)
from scim_server.scim.filter.parser import parse_path
from scim_server.scim.filter.target import TargetPath
from scim_server.scim.normalise.attributes import (
    in_known_form,
    one_element_array,
    parse_attribute,
    parse_complex,
    parse_elements,
    role_in_json_string,
)
from scim_server.scim.normalise.json_text import json_in_string
from scim_server.scim.normalise.members import parse_members
from scim_server.scim.normalise.mismatch import MISSING, Mismatch, kind_of
from scim_server.scim.patch.operation import Operation, OperationName
from scim_server.scim.path import UnresolvedPath
from scim_server.scim.schema import ResourceType, Schema
from scim_server.scim.values import shown

PATCH_OP_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_NAMES: dict[str, OperationName] = {"add": "add", "replace": "replace", "remove": "remove"}

MOST_OPERATIONS = 50_000
"""In one PATCH: authentik sends one for each new member of a group where it isn't told otherwise."""


def normalise_patch(body: Any, resource_type: ResourceType) -> list[Operation]:
    """The operations in order; operations on read-only attributes and unknown URNs are left out.

    Raises ScimError 413 for too many of them, InvalidSyntax for a body that isn't a PATCH, InvalidPath and
    InvalidFilter for a path that isn't understood, InvalidValue for a value of the wrong type, NoTarget for a
    `remove` of nothing, MutabilityViolation for a change of a member.
    """
    if _is_resource(body, resource_type):
        return _resource_as_patch(body, resource_type)
    operations: list[Operation] = []
    for index, raw in enumerate(_operations_in_any_case(body)):
        place = f"Operations[{index}]"
        if not isinstance(raw, dict):
            raise InvalidSyntax(f"expected an object, found {kind_of(raw)}", reason="expected an object").at(place)
        fields = {key.lower(): value for key, value in raw.items()}
        name = _operation_name(fields.get("op", MISSING), place)
        path = fields.get("path")
        if path is not None and not isinstance(path, str):
            raise InvalidPath(f"expected a string, found {kind_of(path)}", reason="expected a string").at(
                f"{place}.path"
            )
        path = path.strip() if path else ""
        value = fields.get("value", None if name == "remove" else MISSING)
        try:
            if not path:
                operations += _without_path(name, value, resource_type)
            elif value is MISSING:  # null clears the attribute; a value that was left out must not
                raise InvalidValue("expected with add and replace", reason="expected with add and replace")
            else:
                operations += _with_path(name, path, value, resource_type)
        except Mismatch as mismatch:
            raise mismatch.as_invalid_value().at(f"{place}.value") from None
        except ScimError as error:
            of_path = path and isinstance(error, InvalidPath | InvalidFilter | MutabilityViolation)
            raise error.at(f"{place}.{'path' if of_path or isinstance(error, NoTarget) else 'value'}") from None
    return operations


def operations_at(name: OperationName, path: TargetPath, value: Any) -> list[Operation]:
    """The operations that set, add or remove a value at a path; none where the path can't be written.

    Raises InvalidValue naming the attribute, MutabilityViolation for a change of a member.
    """
    if "readOnly" in (path.attribute.mutability, path.target.mutability):
        return []
    try:
        if path.attribute.name == "members" and path.schema_urn is None:
            return _on_members(name, path, value)
        if path.target.returned == "never":
            parse_attribute(path.target, value)
            return []
        if name == "remove":
            return _removal(path, value)
        return _assignment(name, path, value)
    except Mismatch as mismatch:
        raise mismatch.inside(str(path)).as_invalid_value() from None


def parse_key(key: str, resource_type: ResourceType) -> TargetPath | None:
    """A key that is a path, as Entra ID sends with `aadOptscim062020`: `name.givenName`, `urn:…:User:department`,
    `emails[type eq "work"].value`. None when it names nothing known here."""
    try:
        return parse_path(key, resource_type)
    except UnresolvedPath:
        return None


def _is_resource(body: Any, resource_type: ResourceType) -> bool:
    """Apache Syncope's ConnId bundle sends the user itself where it updates by PATCH. `schemas` says what it is."""
    if not isinstance(body, dict) or any(key.lower() == "operations" for key in body):
        return False
    schemas = _schemas(body)
    return PATCH_OP_URN.lower() not in schemas and any(resource_type.schema_of_urn(urn) for urn in schemas)


def _resource_as_patch(body: dict[str, Any], resource_type: ResourceType) -> list[Operation]:
    """A `replace` of what is in the resource: nothing else can be meant. Read-only attributes ride along."""
    try:
        return _without_path("replace", body, resource_type)
    except Mismatch as mismatch:
        raise mismatch.as_invalid_value() from None


def _schemas(body: dict[str, Any]) -> list[str]:
    """In small letters."""
    given = next((value for key, value in body.items() if key.lower() == "schemas"), None)
    return [urn.lower() for urn in (given if isinstance(given, list) else [given]) if isinstance(urn, str)]


def _operations_in_any_case(body: Any) -> list[Any]:
    """`Operations`, `operations`; empty or null (Entra ID, Okta) is a PATCH that changes nothing, and so is one of
    `schemas` alone (ConnId, where nothing changed)."""
    if not isinstance(body, dict):
        raise InvalidSyntax(f"the body must be a JSON object, not {kind_of(body)}")
    for key, value in body.items():
        if key.lower() == "operations":
            value = json_in_string(value)
            if value is None:
                return []
            if isinstance(value, list | dict):
                return _not_too_many(value if isinstance(value, list) else [value])
            raise InvalidSyntax(
                f"Operations: expected an array, found {kind_of(value)}",
                attribute="Operations",
                reason="expected an array",
            )
    if len(body) == 1 and _schemas(body) == [PATCH_OP_URN.lower()]:
        return []
    raise InvalidSyntax(
        "Operations is missing: a PATCH holds an array of operations", attribute="Operations", reason="missing"
    )


def _not_too_many(operations: list[Any]) -> list[Any]:
    if len(operations) > MOST_OPERATIONS:
        raise ScimError(
            413,
            f"Operations: {len(operations)} are too many; at most {MOST_OPERATIONS} are expected",
            attribute="Operations",
            reason="too many operations",
        )
    return operations


def _operation_name(op: Any, place: str) -> OperationName:
    """`Add`, `Replace`, `Remove` (Entra ID) in any case."""
    name = _NAMES.get(op.strip().lower()) if isinstance(op, str) else None
    if name is None:
        found = shown(op) if isinstance(op, str) else kind_of(op)
        raise InvalidSyntax(
            f"{place}.op: expected add, replace or remove, found {found}",
            attribute=f"{place}.op",
            reason="expected add, replace or remove",
        )
    return name


def _with_path(name: OperationName, text: str, value: Any, resource_type: ResourceType) -> list[Operation]:
    schema = resource_type.schema_of_urn(text)
    if schema is not None:
        return _on_schema(name, schema, value, resource_type)
    try:
        path = parse_path(text, resource_type)
    except UnresolvedPath as error:
        if error.unknown_schema:  # an extension that isn't declared here, as in a body
            return []
        raise InvalidPath(
            f"unknown attribute {shown(error.name)}: {error.reason}", attribute=error.name, reason="unknown attribute"
        ) from None
    return operations_at(name, path, value)


def _without_path(name: OperationName, value: Any, resource_type: ResourceType) -> list[Operation]:
    """Okta, authentik and Entra ID put several attributes into one operation; read-only ones ride along."""
    value = json_in_string(value)
    if isinstance(value, list) and len(value) == 1:
        value = json_in_string(value[0])
    if not isinstance(value, dict):
        if name == "remove":
            raise NoTarget("expected with remove", reason="expected with remove")
        raise InvalidSyntax(
            f"expected an object where there is no path, found {kind_of(value)}",
            reason="expected an object where there is no path",
        )
    operations: list[Operation] = []
    for key, inner in value.items():
        schema = resource_type.schema_of_urn(key)
        if schema is not None:
            operations += _on_schema(name, schema, inner, resource_type)
        elif (path := parse_key(key, resource_type)) is not None:
            operations += operations_at(name, path, inner)
    return operations


def _on_schema(name: OperationName, schema: Schema, value: Any, resource_type: ResourceType) -> list[Operation]:
    """A whole extension: an object of its attributes, or null (and `remove`) for all of them."""
    urn = None if schema is resource_type.schema else schema.id
    value = json_in_string(value)
    if isinstance(value, dict):
        operations: list[Operation] = []
        for key, inner in value.items():
            path = parse_key(f"{schema.id}:{key}", resource_type)
            if path is not None:
                operations += operations_at(name, path, inner)
        return operations
    if urn is None or (value is not None and name != "remove"):
        raise InvalidValue(
            f"{schema.id}: expected an object, found {kind_of(value)}",
            attribute=schema.id,
            reason="expected an object",
        )
    paths = [TargetPath(urn, attribute) for attribute in schema.attributes]
    return [Operation("remove", path) for path in paths if path.attribute.mutability != "readOnly"]


def _on_members(name: OperationName, path: TargetPath, value: Any) -> list[Operation]:
    selected = path.value_filter is not None
    if path.sub_attribute is not None:
        if path.sub_attribute.name != "value" or name == "replace":
            raise MutabilityViolation(f"{path}: members are added and removed, not changed", attribute=str(path))
        path = TargetPath(None, path.attribute, value_filter=path.value_filter)
    if selected:
        if name == "replace":
            raise MutabilityViolation("members[…]: members are added and removed, not changed", attribute="members")
        return [Operation(name, path)]
    if name == "replace":
        return [Operation(name, path, parse_members(value))]
    if name == "remove" and value is None:  # also Keycloak's `remove members` with null
        return [Operation(name, path)]
    members = parse_members(value)
    return [Operation(name, path, members)] if members else []


def _removal(path: TargetPath, value: Any) -> list[Operation]:
    """`remove`; with a value (Entra ID) only those elements of a multi-valued attribute."""
    if value is None or not path.attribute.multi_valued or path.sub_attribute or path.value_filter:
        return [Operation("remove", path)]
    unwanted = parse_elements(path.attribute, value)
    return [Operation("remove", path, unwanted)] if unwanted else []


def _assignment(name: OperationName, path: TargetPath, value: Any) -> list[Operation]:
    """`add` or `replace`; null and what amounts to it clears (RFC 7643 §2.5)."""
    attribute = path.attribute
    if path.sub_attribute is not None:
        return _assignment_of_sub_attribute(name, path, value)
    if attribute.multi_valued and path.value_filter is None:
        elements = None if value is None else parse_elements(attribute, value)
        if elements:
            return [Operation(name, path, elements)]
        return [Operation("remove", path)] if name == "replace" else []
    if attribute.type == "complex":
        value = json_in_string(value)
    if isinstance(value, list):
        value = one_element_array(value)
    if attribute.type == "complex" and value is not None:
        return _assignment_of_complex(name, path, value)
    parsed = parse_attribute(path.selected, value)
    return [Operation("remove", path)] if parsed is None else [Operation(name, path, parsed)]


def _assignment_of_sub_attribute(name: OperationName, path: TargetPath, value: Any) -> list[Operation]:
    assert path.sub_attribute is not None  # noqa: S101
    if path.attribute.name == "roles" and path.sub_attribute.name == "value":
        inside = role_in_json_string(value)
        value = inside["value"] if isinstance(inside, dict) and "value" in inside else value
    if path.attribute.name == "manager" and path.sub_attribute.name == "value" and value in ("", None):
        return [Operation("remove", TargetPath(path.schema_urn, path.attribute, None, path.value_filter))]
    parsed = parse_attribute(path.sub_attribute, value)
    return [Operation("remove", path)] if parsed is None else [Operation(name, path, parsed)]


def _assignment_of_complex(name: OperationName, path: TargetPath, value: Any) -> list[Operation]:
    """One complex value: its nulls clear sub-attributes, the rest is merged or replaced by the planner."""
    value = json_in_string(in_known_form(path.attribute, value))
    if value is None:
        return [Operation("remove", path)]
    parsed = parse_complex(path.attribute, value)
    cleared = [
        Operation("remove", TargetPath(path.schema_urn, path.attribute, sub_attribute, path.value_filter))
        for key, inner in (value.items() if isinstance(value, dict) else ())
        if inner is None
        and (sub_attribute := path.attribute.sub_attribute(key)) is not None
        and sub_attribute.mutability != "readOnly"
    ]
    replaces_whole = name == "replace" and path.value_filter is None  # also by nothing
    return [*cleared, Operation(name, path, parsed)] if parsed or replaces_whole else cleared
