"""A tenant as the server works with it: its configuration with everything precomputed."""

from collections.abc import Mapping
from dataclasses import replace

from scim_server.config import ConfigBundle, Conformance, ExtendedResource, Tenant
from scim_server.directory.cursors import Cursors
from scim_server.directory.projections import Projections
from scim_server.limits.tenant_cache import TenantCache
from scim_server.provisioning.extensions import extensions_of
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.resource_types import group_resource_type, user_resource_type

_PREFERRED_BY_READERS = (("roles", EFFECTIVE_URN),)
_OPENAPI_BYTES = 16 << 20


class ServedTenant:
    """Derived from one `Tenant` of one configuration; replaced whole with the configuration."""

    def __init__(self, config: Tenant, revision: int, token_key: bytes, caches: "TenantCaches") -> None:
        self.config = config
        self.revision = revision
        """Of the shard that it is from."""
        self.key = config.key
        self.cursors = Cursors(token_key, config.key)
        self.strict = config.conformance is Conformance.STRICT
        self.user_schemas = extensions_of(config.schemas, ExtendedResource.USER)
        self.group_schemas = extensions_of(config.schemas, ExtendedResource.GROUP)
        """The tenant's own. An attribute may have had another type when values were stored: see `changed_schemas`."""
        self.users = user_resource_type(self.user_schemas, [rule.target for rule in config.attributes])
        self.users_as_provisioned = replace(
            self.users, extensions=tuple(e for e in self.users.extensions if e.id != EFFECTIVE_URN), aliases=()
        )
        """Users without the effective extension, which no client can write."""
        self.users_as_read = replace(self.users, preferred=_PREFERRED_BY_READERS) if config.roles else self.users
        """Users as applications name their attributes. Without a catalogue no user has effective roles: then
        `roles` are those that the provider sent."""
        self.groups = group_resource_type(self.group_schemas)
        self.role_displays = {role.name: role.display_name for role in config.roles}
        self.permissions = {role.name: role.permissions for role in config.roles}
        self.caches = caches


class TenantCaches:
    """What is remembered for all tenants of one configuration, and goes with it."""

    def __init__(self) -> None:
        self.projections = Projections()
        self.openapi = TenantCache[str, bytes](_OPENAPI_BYTES)
        """Documents by base URL."""


def tenants_of(bundle: ConfigBundle) -> Mapping[str, ServedTenant]:
    """Every tenant of a configuration, by its key."""
    token_key = bytes.fromhex(bundle.secrets.token_key)
    caches = TenantCaches()
    return {
        tenant.key: ServedTenant(tenant, bundle.revision_of(tenant.key), token_key, caches)
        for tenant in bundle.config.tenants
    }
