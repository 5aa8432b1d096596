"""Projections are kept: most requests of a provider ask for the same attributes."""

from scim_server.limits.tenant_cache import TenantCache
from scim_server.scim.resource import Projection
from scim_server.scim.schema import ResourceType

_KEPT_BYTES = 16 << 20
_ATTRIBUTE_BYTES = 200
"""What a projection takes for each attribute of the type, measured generously."""
_CHARACTER_BYTES = 4

_Key = tuple[ResourceType, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


class Projections:
    """Of all tenants in one configuration."""

    def __init__(self, limit: int = _KEPT_BYTES) -> None:
        self._known = TenantCache[_Key, Projection](limit)

    def of(
        self,
        tenant: str,
        resource_type: ResourceType,
        attributes: tuple[str, ...],
        excluded: tuple[str, ...],
        requested: tuple[str, ...],
    ) -> Projection:
        """See `Projection`, which takes longer to make than to apply."""
        key = resource_type, attributes, excluded, requested
        known = self._known.get(tenant, key)
        if known is None:
            known = Projection(resource_type, attributes, excluded, requested)
            self._known.put(tenant, key, known, _size(resource_type, (*attributes, *excluded)))
        return known


def _size(resource_type: ResourceType, names: tuple[str, ...]) -> int:
    shown = sum(len(schema.attributes) for schema in resource_type.schemas)
    return 1000 + shown * _ATTRIBUTE_BYTES + sum(100 + _CHARACTER_BYTES * len(name) for name in names)
