"""Which mappings have something in a plan that isn't delivered, because the shard is full."""

from dataclasses import replace

from scim_operator.api import ATTRIBUTE_MAPPING, ROLE_MAPPING, ObjectKey
from scim_operator.plan.verdicts import TenantPlan
from scim_server.config import AttributeRule, ExtensionSchema, RoleRule, Tenant

_Part = RoleRule | AttributeRule | ExtensionSchema


def waiting_mappings(planned: Tenant | None, delivered: Tenant | None) -> frozenset[tuple[str, ObjectKey]]:
    """Kind and key of each."""
    missing = _parts(planned) - _parts(delivered)
    return frozenset((kind, ObjectKey.parse(part.mapping)) for kind, part in missing)


def delivered_plan(plan: TenantPlan, delivered: Tenant | None) -> TenantPlan:
    """`plan`, whose counts and credentials are those of what is delivered of it."""
    if plan.config_verdict is None:
        return plan
    names = {one.name for one in delivered.all_credentials} if delivered is not None else set()
    verdict = replace(
        plan.config_verdict,
        mappings=len({(kind, part.mapping) for kind, part in _parts(delivered)}),
        credentials=tuple(one for one in plan.config_verdict.credentials if one.name in names),
    )
    return replace(plan, config_verdict=verdict)


def _parts(tenant: Tenant | None) -> set[tuple[str, _Part]]:
    if tenant is None:
        return set()
    attributes: tuple[_Part, ...] = (*tenant.attributes, *tenant.schemas)
    return {(ROLE_MAPPING, rule) for rule in tenant.rules} | {(ATTRIBUTE_MAPPING, each) for each in attributes}
