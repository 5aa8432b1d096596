"""/ServiceProviderConfig, /Schemas, /ResourceTypes (RFC 7644 §4): what this tenant's endpoint can do."""

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from scim_server.directory.caller import Caller
from scim_server.http.exchange import caller_of
from scim_server.http.features import features_of
from scim_server.http.responses import ScimResponse
from scim_server.scim.discovery import (
    find_document,
    resource_type_documents,
    schema_documents,
    service_provider_config,
)
from scim_server.scim.errors import NotFound, plain_error
from scim_server.scim.paging import list_response
from scim_server.scim.role_schema import ROLE_TYPE
from scim_server.scim.schema import JsonObject, ResourceType

_Documents = Callable[[Sequence[ResourceType], str], list[JsonObject]]


async def show_service_provider_config(request: Request) -> Response:
    caller = caller_of(request)
    return ScimResponse(service_provider_config(features_of(caller.tenant), caller.base_url))


async def list_schemas(request: Request) -> Response:
    return _list(request, schema_documents)


async def get_schema(request: Request) -> Response:
    return _one(request, schema_documents, "schema")


async def list_resource_types(request: Request) -> Response:
    return _list(request, resource_type_documents)


async def get_resource_type(request: Request) -> Response:
    return _one(request, resource_type_documents, "resource type")


def _documents(request: Request, documents: _Documents) -> list[JsonObject]:
    """Provisioning credentials aren't shown the effective extension: providers would offer to map into it."""
    caller = caller_of(request)
    users = caller.tenant.users if caller.reads_effective else caller.tenant.users_as_provisioned
    roles = (ROLE_TYPE,) if _is_okta(request, caller) else ()
    return documents((users, caller.tenant.groups, *roles), caller.base_url)


def _is_okta(request: Request, caller: Caller) -> bool:
    """Only Okta is told of roles as a resource type: other clients take every type for one that they can create."""
    return caller.tenant.config.provider == "Okta" or request.headers.get("user-agent", "").startswith("Okta ")


def _list(request: Request, documents: _Documents) -> Response:
    if request.query_params.get("filter", "").strip():
        # RFC 7644 §4: a filter here must be refused, so that nobody takes the whole list for its result.
        raise plain_error(403, "discovery endpoints take no filter (RFC 7644 §4)")
    found = _documents(request, documents)
    return ScimResponse(list_response(found, len(found), 1))


def _one(request: Request, documents: _Documents, kind: str) -> Response:
    identifier = request.path_params["id"]
    found = find_document(_documents(request, documents), identifier)
    if found is None:
        raise NotFound(f"there is no {kind} with id {identifier[:128]}")
    return ScimResponse(found)
