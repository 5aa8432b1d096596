"""Discovery documents (RFC 7643 §5–§7, RFC 7644 §4, RFC 9865 §4): what this server can do, and nothing it can't."""

from collections.abc import Iterable
from dataclasses import dataclass

from scim_server.scim.schema import JsonObject, ResourceType, Schema

SERVICE_PROVIDER_CONFIG_URN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"


@dataclass(frozen=True, slots=True)
class AuthenticationScheme:
    """A way to authenticate, as announced (RFC 7643 §5)."""

    type: str
    name: str
    description: str
    spec_uri: str


BEARER = AuthenticationScheme(
    "oauthbearertoken",
    "Bearer token",
    "A bearer token in the Authorization header",
    "https://www.rfc-editor.org/info/rfc6750",
)
BASIC = AuthenticationScheme(
    "httpbasic",
    "HTTP Basic",
    "A user name and password in the Authorization header",
    "https://www.rfc-editor.org/info/rfc7617",
)


@dataclass(frozen=True, slots=True)
class Features:
    """What is supported. The defaults announce nothing that isn't wired up."""

    authentication_schemes: tuple[AuthenticationScheme, ...] = (BEARER,)
    """The first one is the preferred one."""
    patch: bool = True
    filter: bool = True
    max_results: int = 200
    """Largest page, and most results of a filter in one answer."""
    default_page_size: int = 100
    sort: bool = False
    etag: bool = False
    change_password: bool = False
    bulk: bool = False
    bulk_max_operations: int = 0
    """0 without bulk: authentik chunks its group PATCHes by it even then, and takes 0 for "all in one"."""
    bulk_max_payload_size: int = 0
    cursor_pagination: bool = False
    cursor_timeout: int | None = None
    """Seconds for which a cursor is good; None says nothing about it."""
    interop_profile_conformant: bool = False
    """draft-zollner-scim-interop-profile: announced only where it is so."""


def service_provider_config(features: Features, base_url: str) -> JsonObject:
    """The ServiceProviderConfig document. `base_url` is the public URL of the tenant's SCIM root."""
    pagination: JsonObject = {
        "cursor": features.cursor_pagination,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": features.default_page_size,
        "maxPageSize": features.max_results,
    }
    if features.cursor_pagination and features.cursor_timeout is not None:
        pagination["cursorTimeout"] = features.cursor_timeout
    profile: JsonObject = {"interopProfileConformant": True} if features.interop_profile_conformant else {}
    return {
        "schemas": [SERVICE_PROVIDER_CONFIG_URN],
        "patch": {"supported": features.patch},
        "bulk": {
            "supported": features.bulk,
            "maxOperations": features.bulk_max_operations,
            "maxPayloadSize": features.bulk_max_payload_size,
        },
        "filter": {"supported": features.filter, "maxResults": features.max_results},
        "changePassword": {"supported": features.change_password},
        "sort": {"supported": features.sort},
        "etag": {"supported": features.etag},
        "pagination": pagination,
        **profile,
        "authenticationSchemes": [
            {
                "type": scheme.type,
                "name": scheme.name,
                "description": scheme.description,
                "specUri": scheme.spec_uri,
                "primary": index == 0,
            }
            for index, scheme in enumerate(features.authentication_schemes)
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{base_url}/ServiceProviderConfig",
        },
    }


def schema_documents(resource_types: Iterable[ResourceType], base_url: str) -> list[JsonObject]:
    """The /Schemas documents of all resource types, each schema once."""
    schemas: dict[str, Schema] = {schema.id: schema for type_ in resource_types for schema in type_.schemas}
    return [
        schema.to_json() | {"meta": {"resourceType": "Schema", "location": f"{base_url}/Schemas/{schema.id}"}}
        for schema in schemas.values()
    ]


def resource_type_documents(resource_types: Iterable[ResourceType], base_url: str) -> list[JsonObject]:
    """The /ResourceTypes documents."""
    return [
        type_.to_json()
        | {"meta": {"resourceType": "ResourceType", "location": f"{base_url}/ResourceTypes/{type_.name}"}}
        for type_ in resource_types
    ]


def find_document(documents: Iterable[JsonObject], identifier: str) -> JsonObject | None:
    """The document with that id; a schema's URN compares without case (RFC 8141)."""
    wanted = identifier.lower()
    return next((document for document in documents if document["id"].lower() == wanted), None)
