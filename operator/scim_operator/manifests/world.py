"""Everything that a folder of manifests declares: what a cluster would hold after `kubectl apply`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from scim_operator.api import AttributeMapping, ObjectKey, ProvisioningConfig, RoleMapping
from scim_operator.plan import TenantInputs, TenantPlan, assemble, plan_tenant
from scim_server.config import ConfigBundle, Tenant

_M = TypeVar("_M", RoleMapping, AttributeMapping)


@dataclass(frozen=True, slots=True)
class World:
    """Valid objects only."""

    configs: Mapping[ObjectKey, ProvisioningConfig] = field(default_factory=dict)
    role_mappings: tuple[RoleMapping, ...] = ()
    attribute_mappings: tuple[AttributeMapping, ...] = ()
    secrets: Mapping[ObjectKey, Mapping[str, bytes]] = field(default_factory=dict, repr=False)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Labels by name; of every namespace that an object is in."""

    @property
    def config_keys(self) -> frozenset[ObjectKey]:
        """Those that are there, and those that mappings name."""
        return frozenset(
            (
                *self.configs,
                *(mapping.config_key for mapping in self.role_mappings),
                *(mapping.config_key for mapping in self.attribute_mappings),
            )
        )


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """The plan of every tenant, also of configs that are only named."""

    plans: Mapping[ObjectKey, TenantPlan]

    def bundle(self, token_key: bytes, revision: int) -> ConfigBundle:
        tenants = [(plan.tenant, plan.digests) for plan in self.plans.values() if plan.tenant is not None]
        keys = {name: each for plan in self.plans.values() for name, each in plan.webhook_keys.items()}
        return assemble(tenants, token_key, revision, webhook_keys=keys)


def plan_world(
    world: World, token_key: bytes, *, now: datetime | None = None, previous: ConfigBundle | None = None
) -> WorldPlan:
    """`plan_tenant` for each config. `previous` is what is delivered now, and has been noted by the server: suspended
    configs keep their part of it, and of those that are gone it is said once that they are."""
    tenants = {ObjectKey(tenant.namespace, tenant.name): tenant for tenant in _tenants(previous)}
    digests = previous.secrets.digests if previous is not None else {}
    webhook_keys = previous.secrets.webhook_keys if previous is not None else {}
    role_mappings, attribute_mappings = _by_config(world.role_mappings), _by_config(world.attribute_mappings)
    plans = {}
    for key in sorted(world.config_keys | tenants.keys()):
        plans[key] = plan_tenant(
            TenantInputs(
                config_key=key,
                config=world.configs.get(key),
                invalid=None,
                role_mappings=role_mappings.get(key, ()),
                attribute_mappings=attribute_mappings.get(key, ()),
                secrets=world.secrets,
                namespaces=world.namespaces,
                token_key=token_key,
                previous=tenants.get(key),
                previous_digests=digests,
                previous_webhook_keys=webhook_keys,
                now=now,
                departure_noted=True,
            )
        )
    return WorldPlan(plans)


def _tenants(bundle: ConfigBundle | None) -> Iterable[Tenant]:
    return bundle.config.tenants if bundle is not None else ()


def _by_config(mappings: Iterable[_M]) -> Mapping[ObjectKey, tuple[_M, ...]]:
    """In one pass: thousands of mappings would otherwise be looked at for each of a thousand configs."""
    found: dict[ObjectKey, list[_M]] = {}
    for mapping in mappings:
        found.setdefault(mapping.config_key, []).append(mapping)
    return {key: tuple(of_config) for key, of_config in found.items()}
