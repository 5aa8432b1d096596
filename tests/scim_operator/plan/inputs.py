"""Inputs of a plan, short to write."""

from typing import Any

from scim_operator.api import AttributeMapping, ObjectKey, RoleMapping
from scim_operator.plan import TenantInputs, TenantPlan, plan_tenant
from tests.scim_operator.objects import config

TOKEN_KEY = bytes(range(32))
TOKEN = b"a-token-of-some-length"
OKTA = ObjectKey("acme", "okta")
SECRETS = {ObjectKey("acme", "okta-scim"): {"token": TOKEN}}


def inputs(*mappings: RoleMapping | AttributeMapping, **fields: Any) -> TenantInputs:
    """Of the config acme/okta with a token that works, unless said otherwise."""
    defaults: dict[str, Any] = {
        "config_key": OKTA,
        "config": config(),
        "invalid": None,
        "role_mappings": tuple(mapping for mapping in mappings if isinstance(mapping, RoleMapping)),
        "attribute_mappings": tuple(mapping for mapping in mappings if isinstance(mapping, AttributeMapping)),
        "secrets": SECRETS,
        "namespaces": {},
        "token_key": TOKEN_KEY,
        "previous": None,
        "previous_digests": {},
    }
    return TenantInputs(**(defaults | fields))


def plan(*mappings: RoleMapping | AttributeMapping, **fields: Any) -> TenantPlan:
    return plan_tenant(inputs(*mappings, **fields))


def again(before: TenantPlan, *mappings: RoleMapping | AttributeMapping, **fields: Any) -> TenantPlan:
    """The plan that follows `before`, when that is delivered."""
    return plan(*mappings, previous=before.tenant, previous_digests=before.digests, **fields)


def granted(planned: TenantPlan) -> set[tuple[str, str, tuple[str, ...]]]:
    """Mapping, rule and roles of each rule."""
    assert planned.tenant is not None
    return {(rule.mapping, rule.rule, rule.roles) for rule in planned.tenant.rules}


def profile(planned: TenantPlan) -> dict[str, str]:
    """The mapping that has each target."""
    assert planned.tenant is not None
    return {attribute.target: attribute.mapping for attribute in planned.tenant.attributes}
