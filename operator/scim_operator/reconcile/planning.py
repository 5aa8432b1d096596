"""Step 3: what the tenants of a shard should be. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scim_operator.plan import TenantPlan, plan_tenant
from scim_operator.reconcile.gather import Gathered
from scim_operator.reconcile.shards import Delivered, Parts


@dataclass(frozen=True, slots=True)
class PlannedTenant:
    """`part` is all of the plan; None where there is to be no tenant."""

    world: Gathered
    plan: TenantPlan
    part: Delivered | None


def plan_tenants(
    worlds: Iterable[Gathered], delivered: Parts, token_key: bytes, now: datetime
) -> list[PlannedTenant]:
    """Each against what is delivered of it."""
    planned = []
    for world in worlds:
        plan = plan_tenant(world.inputs(token_key, delivered.get(world.key), now))
        planned.append(PlannedTenant(world, plan, Delivered.of(plan)))
    return planned
