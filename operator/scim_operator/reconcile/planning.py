"""Step 3: what the tenants of a shard should be. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scim_operator.plan import TenantPlan, plan_tenant
from scim_operator.reconcile.gather import Gathered
from scim_operator.reconcile.shards import StoredTenant, StoredTenants


@dataclass(frozen=True, slots=True)
class PlannedTenant:
    """`wanted` is all of the plan, as a shard stores it; None where there is to be no tenant."""

    gathered: Gathered
    plan: TenantPlan
    wanted: StoredTenant | None


def plan_tenants(
    gathered: Iterable[Gathered], delivered: StoredTenants, token_key: bytes, now: datetime
) -> list[PlannedTenant]:
    """Each against what is delivered of it."""
    planned = []
    for one in gathered:
        plan = plan_tenant(one.inputs(token_key, delivered.get(one.key), now))
        planned.append(PlannedTenant(one, plan, StoredTenant.of(plan)))
    return planned
