"""Policies of tenants, for tests."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from scim_server.config import Deprovisioning, RoleRule
from scim_server.provisioning.policy import Policy, PolicyConfig


def policy_of(
    rules: Iterable[RoleRule] = (),
    base_roles: Iterable[str] = (),
    fallback_roles: Iterable[str] = (),
    deactivation_delay: timedelta = timedelta(0),
    **fields: Any,
) -> Policy:
    """`fields` of `PolicyConfig`."""
    deprovisioning = Deprovisioning(deactivation_delay_seconds=int(deactivation_delay.total_seconds()))
    return Policy(
        PolicyConfig(
            rules=tuple(rules),
            base_roles=tuple(base_roles),
            fallback_roles=tuple(fallback_roles),
            **{"deprovisioning": deprovisioning} | fields,
        )
    )
