"""Roles that were meant for a user and didn't come. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from scim_server.provisioning.group_names import GroupNames
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.rule_outcomes import Why, outcomes
from scim_server.scim.schema import JsonObject

OBSERVED = "the ProvisioningConfig is in mode Observe, in which nothing takes effect"


@dataclass(frozen=True, slots=True)
class WithheldRole:
    role: str
    why: Why
    mapping: str | None
    rule: str | None
    detail: str
    """In words"""


def withheld_roles(
    policy: Policy,
    user: JsonObject,
    state: State,
    groups: Sequence[GroupNames],
    has: Collection[str],
    now: datetime,
) -> Sequence[WithheldRole]:
    """Roles that the user doesn't have, although a rule names it, or they are given by default.

    `user`: the SCIM resource as conditions see it. `has`: its roles.
    """
    found = {one for one in _withheld(policy, user, state, groups, now) if one.role not in has}
    return sorted(found, key=lambda one: (one.role, one.why, one.mapping or "", one.rule or ""))


def _withheld(
    policy: Policy, user: JsonObject, state: State, groups: Sequence[GroupNames], now: datetime
) -> Iterator[WithheldRole]:
    is_active, is_mapped = state is State.ACTIVE, False
    for outcome in outcomes(policy, user, groups, now):
        rule, why, detail = outcome.rule, outcome.withheld, outcome.detail
        if why is None:
            is_mapped = True
            why, detail = Why.BLOCKED, f"the user is {state}"
            if policy.observes:
                why, detail = Why.HOLD, OBSERVED
        if why is not Why.BLOCKED or not is_active:
            for role in rule.roles:
                yield WithheldRole(role, why, rule.mapping, rule.rule, detail)
    if is_active:
        return
    for role in policy.base_roles:
        yield WithheldRole(role, Why.BLOCKED, None, None, f"the user is {state}; a base role")
    for role in () if is_mapped else policy.fallback_roles:
        yield WithheldRole(role, Why.BLOCKED, None, None, f"the user is {state}; a fallback role")
