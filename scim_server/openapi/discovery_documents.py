"""The discovery documents as JSON Schema (RFC 7643 §5–§7, RFC 9865 §4)."""

from typing import get_args

from scim_server.openapi.messages import only, reference
from scim_server.scim.discovery import SERVICE_PROVIDER_CONFIG_URN
from scim_server.scim.schema import (
    RESOURCE_TYPE_URN,
    SCHEMA_URN,
    AttributeType,
    JsonObject,
    Mutability,
    Returned,
    Uniqueness,
)

_TEXT: JsonObject = {"type": "string"}
_YES_OR_NO: JsonObject = {"type": "boolean"}
_NUMBER: JsonObject = {"type": "integer", "minimum": 0}


def service_provider_config() -> JsonObject:
    supported = _object({"supported": _YES_OR_NO})
    scheme = _object(
        {"type": _TEXT, "name": _TEXT, "description": _TEXT, "specUri": _TEXT, "primary": _YES_OR_NO},
    )
    pagination = _object(
        {
            "cursor": _YES_OR_NO,
            "index": _YES_OR_NO,
            "defaultPaginationMethod": {"enum": ["cursor", "index"]},
            "defaultPageSize": _NUMBER,
            "maxPageSize": _NUMBER,
            "cursorTimeout": _NUMBER | {"description": "Seconds"},
        },
        optional=("cursorTimeout",),
    )
    return _object(
        {
            "schemas": only(SERVICE_PROVIDER_CONFIG_URN),
            "patch": supported,
            "bulk": _object({"supported": _YES_OR_NO, "maxOperations": _NUMBER, "maxPayloadSize": _NUMBER}),
            "filter": _object({"supported": _YES_OR_NO, "maxResults": _NUMBER}),
            "changePassword": supported,
            "sort": supported,
            "etag": supported,
            "pagination": pagination,
            "interopProfileConformant": _YES_OR_NO,
            "authenticationSchemes": {"type": "array", "items": scheme},
            "meta": reference("DocumentMeta"),
        },
        optional=("interopProfileConformant",),
    )


def schema() -> JsonObject:
    return _object(
        {
            "schemas": only(SCHEMA_URN),
            "id": _TEXT,
            "name": _TEXT,
            "description": _TEXT,
            "attributes": {"type": "array", "items": reference("SchemaAttribute")},
            "meta": reference("DocumentMeta"),
        }
    )


def schema_attribute() -> JsonObject:
    texts: JsonObject = {"type": "array", "items": _TEXT}
    return _object(
        {
            "name": _TEXT,
            "type": {"enum": list(get_args(AttributeType))},
            "multiValued": _YES_OR_NO,
            "description": _TEXT,
            "required": _YES_OR_NO,
            "caseExact": _YES_OR_NO,
            "mutability": {"enum": list(get_args(Mutability))},
            "returned": {"enum": list(get_args(Returned))},
            "uniqueness": {"enum": list(get_args(Uniqueness))},
            "canonicalValues": texts,
            "referenceTypes": texts,
            "subAttributes": {"type": "array", "items": reference("SchemaAttribute")},
        },
        optional=("canonicalValues", "referenceTypes", "subAttributes"),
    )


def resource_type() -> JsonObject:
    extension = _object({"schema": _TEXT, "required": _YES_OR_NO})
    return _object(
        {
            "schemas": only(RESOURCE_TYPE_URN),
            "id": _TEXT,
            "name": _TEXT,
            "endpoint": _TEXT,
            "description": _TEXT,
            "schema": _TEXT,
            "schemaExtensions": {"type": "array", "items": extension},
            "meta": reference("DocumentMeta"),
        },
        optional=("schemaExtensions",),
    )


def document_meta() -> JsonObject:
    return _object({"resourceType": _TEXT, "location": {"type": "string", "format": "uri"}})


def _object(properties: JsonObject, optional: tuple[str, ...] = ()) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
