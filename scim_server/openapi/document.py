"""The document as a whole."""

import json

from scim_server.openapi import discovery_documents, examples, messages
from scim_server.openapi.api import Api, server
from scim_server.openapi.headers import headers
from scim_server.openapi.oauth_paths import oauth_paths, oauth_schemas
from scim_server.openapi.other_paths import discovery_paths, me_path, role_paths, several_at_once
from scim_server.openapi.parameters import parameters
from scim_server.openapi.resource_paths import resource_paths
from scim_server.openapi.resources import accepted_resource, shown_resource
from scim_server.openapi.responses import responses
from scim_server.openapi.security import security_requirements, security_schemes
from scim_server.scim.role_schema import ROLE_TYPE
from scim_server.scim.schema import JsonObject

_SCIM_VERSION = "2.0"

_DESCRIPTION = (
    "SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865) for one tenant. Every request needs a credential of the tenant; one with"
    " access Read may only GET and search, one with access Self may only GET /Me and discovery. HEAD works wherever"
    " GET does. Other methods are 405 with `Allow`. Errors are SCIM errors, at the token endpoint OAuth errors. Names"
    " of attributes and parameters compare without case."
)
_TOLERANT = (
    " What identity providers send beyond these schemas is understood as well: other types for a value, keys that are"
    " paths, unknown attributes, which are ignored."
)
_STRICT = " This tenant is strict: what these schemas don't have is refused."


def openapi_document(api: Api) -> JsonObject:
    """OpenAPI 3.1.1."""
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "SCIM service provider",
            "version": _SCIM_VERSION,
            "description": _DESCRIPTION + (_STRICT if api.strict else _TOLERANT),
        },
        "servers": [server(f"{api.tenant_url}/scim/v2")],
        "security": security_requirements(api),
        "paths": {
            **resource_paths(api.users, patch_shows=True),
            **resource_paths(api.groups, patch_shows=False),
            "/Me": me_path(),
            **role_paths(),
            **several_at_once(),
            **discovery_paths(),
            **oauth_paths(api),
        },
        "components": {
            "schemas": _schemas(api),
            "parameters": parameters(api.features),
            "headers": headers(),
            "responses": responses(),
            "securitySchemes": security_schemes(api),
        },
    }


def as_text(document: JsonObject) -> str:
    """For people and version control."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _schemas(api: Api) -> dict[str, JsonObject]:
    strict = api.strict
    return {
        "User": shown_resource(api.users, of_any_tenant=api.of_any_tenant),
        "UserBody": accepted_resource(api.users, strict=strict) | {"examples": examples.USERS},
        "UserPatch": messages.patch("Changes of a user (RFC 7644 §3.5.2)", examples.USER_PATCHES, strict=strict),
        "UserList": messages.list_of("users", "User"),
        "Group": shown_resource(api.groups, of_any_tenant=api.of_any_tenant),
        "GroupBody": accepted_resource(api.groups, strict=strict) | {"examples": examples.GROUPS},
        "GroupPatch": messages.patch("Changes of a group (RFC 7644 §3.5.2)", examples.GROUP_PATCHES, strict=strict),
        "GroupList": messages.list_of("groups", "Group"),
        "Role": shown_resource(ROLE_TYPE),
        "RoleList": messages.list_of("roles", "Role"),
        "ResourceList": messages.list_of("users and groups", "User", "Group"),
        "SearchRequest": messages.search_request(),
        "BulkRequest": messages.bulk_request(api.features),
        "BulkResponse": messages.bulk_response(),
        "Error": messages.error(),
        "ServiceProviderConfig": discovery_documents.service_provider_config(),
        "Schema": discovery_documents.schema(),
        "SchemaAttribute": discovery_documents.schema_attribute(),
        "SchemaList": messages.list_of("schemas", "Schema"),
        "ResourceType": discovery_documents.resource_type(),
        "ResourceTypeList": messages.list_of("resource types", "ResourceType"),
        "DocumentMeta": discovery_documents.document_meta(),
        **oauth_schemas(api.scopes),
    }
