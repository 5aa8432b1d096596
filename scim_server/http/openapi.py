"""The OpenAPI document for what this server serves: of a tenant, or of any."""

from scim_server.config import Tenant
from scim_server.directory.tenant import ServedTenant
from scim_server.openapi.api import Api, Authentication, any_tenant
from scim_server.openapi.document import openapi_document
from scim_server.scim.schema import JsonObject


def document_of_any_tenant() -> JsonObject:
    """With variables in its addresses; answers may have the extension schemas and the profile of any tenant."""
    return openapi_document(any_tenant())


def document_of(tenant: ServedTenant, base_url: str) -> JsonObject:
    """`base_url` is that of the tenant's SCIM endpoint, as its client knows it."""
    api = Api(
        base_url.removesuffix(f"/{tenant.key}/scim/v2"),
        tenant.key,
        tenant.users,
        tenant.groups,
        _authentication(tenant.config),
        tenant.strict,
    )
    return openapi_document(api)


def _authentication(tenant: Tenant) -> tuple[Authentication, ...]:
    """The ways for which the tenant has credentials."""
    ways: dict[Authentication, bool] = {
        "bearer": bool(tenant.credentials or tenant.jwt_issuers),
        "basic": bool(tenant.basic_credentials),
        "oauth2": bool(tenant.oauth_clients),
    }
    return tuple(way for way, has in ways.items() if has)
