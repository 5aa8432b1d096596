"""/openapi.json: this tenant's endpoint for tools."""

from functools import lru_cache

import orjson
from starlette.requests import Request
from starlette.responses import Response

from scim_server.auth.scopes import SCOPES
from scim_server.config import Tenant
from scim_server.directory.tenant import ServedTenant
from scim_server.http.exchange import caller_of
from scim_server.http.features import features_of
from scim_server.openapi.api import Api, Authentication
from scim_server.openapi.document import openapi_document


async def show_openapi(request: Request) -> Response:
    caller = caller_of(request)
    return Response(_document(caller.tenant, caller.base_url), media_type="application/json")


@lru_cache(maxsize=64)
def _document(tenant: ServedTenant, base_url: str) -> bytes:
    """A configuration's tenants are objects of their own, so the next one's are built anew."""
    api = Api(
        base_url.removesuffix(f"/{tenant.key}/scim/v2"),
        tenant.key,
        tenant.users,
        tenant.groups,
        features_of(tenant),
        tuple(SCOPES.values()),
        _authentication(tenant.config),
        tenant.strict,
    )
    return orjson.dumps(openapi_document(api))


def _authentication(tenant: Tenant) -> tuple[Authentication, ...]:
    """The ways for which the tenant has credentials."""
    ways: dict[Authentication, bool] = {
        "bearer": bool(tenant.credentials or tenant.jwt_issuers),
        "basic": bool(tenant.basic_credentials),
        "oauth2": bool(tenant.oauth_clients),
    }
    return tuple(way for way, has in ways.items() if has)
