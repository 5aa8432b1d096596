"""What this server announces in /ServiceProviderConfig: only what works."""

from dataclasses import replace

from scim_server.config import Tenant
from scim_server.directory.cursors import CURSOR_TIMEOUT_SECONDS
from scim_server.directory.tenant import ServedTenant
from scim_server.scim.bulk import MAX_OPERATIONS, MAX_PAYLOAD_BYTES
from scim_server.scim.discovery import BASIC, BEARER, AuthenticationScheme, Features

FEATURES = Features(
    max_results=1000,
    default_page_size=100,
    sort=True,
    etag=True,
    bulk=True,
    bulk_max_operations=MAX_OPERATIONS,
    bulk_max_payload_size=MAX_PAYLOAD_BYTES,
    cursor_pagination=True,
    cursor_timeout=CURSOR_TIMEOUT_SECONDS,
)


def features_of(tenant: ServedTenant) -> Features:
    """What is announced to a tenant's clients: the same for all, but for how they authenticate and are read."""
    return replace(
        FEATURES,
        authentication_schemes=_authentication_schemes(tenant.config),
        interop_profile_conformant=tenant.strict,
    )


def _authentication_schemes(tenant: Tenant) -> tuple[AuthenticationScheme, ...]:
    """Those that the tenant has credentials for. Issued tokens and those of an OAuth client are bearer tokens too."""
    bearer = tenant.credentials or tenant.jwt_issuers or tenant.oauth_clients
    return (*((BEARER,) if bearer else ()), *((BASIC,) if tenant.basic_credentials else ()))
