"""Resources as JSON Schema: as answers show them, and as POST and PUT take them."""

from scim_server.openapi.attributes import accepted, shown
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.schema import COMMON_ATTRIBUTES, JsonObject, ResourceType, Schema

_ALWAYS_SHOWN = ["schemas", "id"]
"""Everything else can be left out by `attributes` and `excludedAttributes`."""

_ANY_EXTENSION: JsonObject = {"description": "An extension schema of the tenant's, by its URN", "type": "object"}


def shown_resource(resource_type: ResourceType, *, of_any_tenant: bool = False) -> JsonObject:
    """A resource in an answer. `of_any_tenant`: it may have extensions and a profile that tenants declare."""
    properties = {
        attribute.name: shown(attribute)
        for attribute in (*COMMON_ATTRIBUTES, *resource_type.schema.attributes)
        if attribute.returned != "never"
    }
    properties["schemas"] = _urns(resource_type, closed=not of_any_tenant)
    for extension in resource_type.extensions:
        parts = {attribute.name: shown(attribute) for attribute in extension.attributes}
        if of_any_tenant and extension.id == EFFECTIVE_URN:
            parts["profile"]["additionalProperties"] = True
        properties[extension.id] = {
            "description": extension.description or extension.name,
            "type": "object",
            "properties": parts,
            "additionalProperties": False,
        }
    return {
        "description": f"{resource_type.description} ({resource_type.schema.id})",
        "type": "object",
        "properties": properties,
        "required": _ALWAYS_SHOWN,
        "additionalProperties": _ANY_EXTENSION if of_any_tenant else False,
    }


def accepted_resource(resource_type: ResourceType, *, strict: bool) -> JsonObject:
    """A body of POST or PUT. Names compare without case, which JSON Schema can't say (RFC 7643 §2.1)."""
    core = (*COMMON_ATTRIBUTES, *resource_type.schema.attributes)
    properties = {attribute.name: accepted(attribute, closed=strict, in_core=True) for attribute in core}
    properties["schemas"] = (
        _urns(resource_type, closed=True) if strict else {"type": "array", "items": {"type": "string"}}
    )
    for extension in resource_type.extensions:
        properties[extension.id] = _accepted_extension(extension, strict=strict)
    required = [attribute.name for attribute in resource_type.schema.attributes if attribute.required]
    return {
        "description": f"{resource_type.description}, to be created or replaced",
        "type": "object",
        "properties": properties,
        "required": ["schemas", *required] if strict else required,
    } | ({"additionalProperties": False} if strict else {})


def _accepted_extension(extension: Schema, *, strict: bool) -> JsonObject:
    schema: JsonObject = {
        "description": extension.description or extension.name,
        "type": ["object", "null"],
        "properties": {attribute.name: accepted(attribute, closed=strict) for attribute in extension.attributes},
    }
    if required := [attribute.name for attribute in extension.attributes if attribute.required]:
        schema["required"] = required
    return schema | ({"additionalProperties": False} if strict else {})


def _urns(resource_type: ResourceType, *, closed: bool) -> JsonObject:
    known = [schema.id for schema in resource_type.schemas]
    return {
        "description": "URNs of the schemas whose attributes are there",
        "type": "array",
        "items": {"enum": known} if closed else {"type": "string", "examples": known},
        "contains": {"const": resource_type.schema.id},
    }
