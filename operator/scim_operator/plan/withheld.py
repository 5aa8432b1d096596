"""What of a plan is not delivered because the document has no room for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from scim_operator.api import ATTRIBUTE_MAPPING, ROLE_MAPPING, ObjectKey
from scim_operator.plan.verdicts import TenantPlan
from scim_server.config import AttributeRule, ExtensionSchema, RoleRule, Tenant

_Part = RoleRule | AttributeRule | ExtensionSchema
_MappingKey = tuple[str, ObjectKey]


@dataclass(frozen=True, slots=True)
class Withheld:
    """`mappings`: those of which something is missing. `settings`: whether something of the config itself is."""

    settings: bool
    mappings: frozenset[_MappingKey]

    @classmethod
    def of(cls, planned: Tenant | None, delivered: Tenant | None) -> Self | None:
        """None when all of it is delivered."""
        if planned == delivered:
            return None
        wanted, there = _by_mapping(planned), _by_mapping(delivered)
        return cls(
            settings=planned is None
            or delivered is None
            or _without_mappings(planned) != _without_mappings(delivered),
            mappings=frozenset(key for key, parts in wanted.items() if there.get(key) != parts),
        )

    @property
    def description(self) -> str:
        """What is missing, for a message."""
        names = [f"{kind} {key}" for kind, key in sorted(self.mappings)]
        return ", ".join((["the ProvisioningConfig's own settings"] if self.settings else []) + names)


def delivered_plan(plan: TenantPlan, delivered: Tenant | None) -> TenantPlan:
    """`plan`, whose counts and credentials are those of what is delivered of it."""
    if plan.config_verdict is None:
        return plan
    present = _by_mapping(delivered)
    names = {one.name for one in delivered.all_credentials} if delivered is not None else set()
    verdict = replace(
        plan.config_verdict,
        mappings=len(present),
        credentials=tuple(one for one in plan.config_verdict.credentials if one.name in names),
    )
    return replace(plan, config_verdict=verdict)


def _by_mapping(tenant: Tenant | None) -> Mapping[_MappingKey, set[_Part]]:
    found: dict[_MappingKey, set[_Part]] = {}
    if tenant is not None:
        for kind, parts in (
            (ROLE_MAPPING, tenant.rules),
            (ATTRIBUTE_MAPPING, tenant.attributes),
            (ATTRIBUTE_MAPPING, tenant.schemas),
        ):
            _add(found, kind, parts)
    return found


def _add(found: dict[_MappingKey, set[_Part]], kind: str, parts: Iterable[_Part]) -> None:
    for part in parts:
        found.setdefault((kind, ObjectKey.parse(part.mapping)), set()).add(part)


def _without_mappings(tenant: Tenant) -> Tenant:
    return tenant.model_copy(update={"rules": (), "attributes": (), "schemas": ()})
