"""What stays of a delivered tenant whose new plan doesn't fit."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scim_operator.plan import reduced
from scim_server.config import (
    AttributeRule,
    BearerCredential,
    ExtensionAttribute,
    ExtensionSchema,
    GroupSelector,
    Role,
    RoleRule,
    Tenant,
)

NAMES = st.sampled_from("abc")


def rule(name: str, groups: str, roles: str) -> RoleRule:
    selectors = tuple(GroupSelector(display_name=group) for group in sorted(set(groups)))
    return RoleRule(mapping="acme/m", rule=name, groups=selectors, roles=tuple(sorted(set(roles))))


def tenant(**fields: Any) -> Tenant:
    return Tenant(namespace="acme", name="okta", **fields)


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    texts = st.text("abc", min_size=1, max_size=3)
    permissions = st.lists(NAMES, unique=True, max_size=2).map(tuple)
    return tenant(
        credentials=tuple(BearerCredential(name=name) for name in draw(st.lists(NAMES, unique=True))),
        roles=tuple(Role(name=name, permissions=draw(permissions)) for name in "abc"),
        base_roles=tuple(draw(st.lists(NAMES, unique=True))),
        fallback_roles=tuple(draw(st.lists(NAMES, unique=True))),
        rules=tuple(rule(name, draw(texts), draw(texts)) for name in draw(st.lists(NAMES, unique=True))),
    )


def given_roles(one: Tenant, groups: set[str]) -> set[str]:
    """What a user in these groups has."""
    matched = [each for each in one.rules if groups & {selector.display_name for selector in each.groups}]
    roles = {role for each in matched for role in each.roles}
    return roles | set(one.base_roles) | (set() if matched else set(one.fallback_roles))


@given(tenants(), tenants())
def test_it_is_valid_and_reducing_it_again_changes_nothing(delivered: Tenant, planned: Tenant) -> None:
    once = reduced(delivered, planned)
    assert Tenant.model_validate(once.model_dump()) == once
    assert reduced(once, planned) == once


@given(tenants(), tenants(), st.sets(NAMES))
def test_nobody_gets_a_role_that_neither_version_gives(delivered: Tenant, planned: Tenant, groups: set[str]) -> None:
    once = reduced(delivered, planned)
    assert given_roles(once, groups) <= given_roles(delivered, groups) | given_roles(planned, groups)


@given(tenants(), tenants())
def test_no_rule_credential_or_permission_outlives_the_plan(delivered: Tenant, planned: Tenant) -> None:
    once = reduced(delivered, planned)
    for field in ("rules", "roles", "credentials", "base_roles", "fallback_roles"):
        kept = set(getattr(once, field))
        assert kept <= set(getattr(planned, field))
        assert kept <= set(getattr(delivered, field))


@given(tenants())
def test_what_is_as_planned_stays(delivered: Tenant) -> None:
    assert reduced(delivered, delivered) == delivered


def test_a_schema_that_changed_stays_as_it_was_and_an_attribute_goes() -> None:
    def schema(*names: str) -> ExtensionSchema:
        attributes = tuple(ExtensionAttribute(name=name) for name in names)
        return ExtensionSchema(id="urn:acme:one", name="One", mapping="acme/m", attributes=attributes)

    before = tenant(schemas=(schema("a"),), attributes=(AttributeRule(mapping="acme/m", target="t", path="title"),))
    after = tenant(
        schemas=(schema("a", "b"),), attributes=(AttributeRule(mapping="acme/m", target="t", path="nickName"),)
    )
    once = reduced(before, after)
    assert (once.schemas, once.attributes) == ((schema("a"),), ())
