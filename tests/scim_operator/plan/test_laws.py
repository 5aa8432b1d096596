"""What holds for every plan, whatever is declared."""

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import AttributeMapping, ObjectKey, ProvisioningConfig, RoleMapping
from scim_operator.plan import TenantInputs, TenantPlan, assemble, plan_tenant
from scim_server.config import RoleRule, Tenant
from tests.scim_operator.objects import attribute_mapping, config, role_mapping
from tests.scim_operator.plan.inputs import OKTA, TOKEN_KEY

ROLES = ("admin", "analyst", "viewer", "ghost")
NAMESPACES = ("acme", "team-a", "team-b")
REF = {"name": "okta", "namespace": "acme"}


def times() -> st.SearchStrategy[str]:
    return st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])


def meta() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {"creationTimestamp": times()}, optional={"deletionTimestamp": st.just("2026-11-05T00:00:00Z")}
    )


def groups() -> st.SearchStrategy[dict[str, str]]:
    return st.one_of(
        st.fixed_dictionaries({"displayName": st.sampled_from(["A", "B"])}),
        st.fixed_dictionaries({"externalId": st.sampled_from(["1", "2"])}),
        st.fixed_dictionaries({"displayNamePattern": st.sampled_from(["a.*", "(", "b{2000}"])}),
    )


def rules() -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {
            "name": st.sampled_from(["one", "two", "three"]),
            "groups": st.lists(groups(), min_size=1, max_size=3),
            "roles": st.lists(st.sampled_from(ROLES), min_size=1, max_size=3),
        },
        optional={
            "when": st.sampled_from(["user.active", "user.active &&", 'user.title == "x"']),
            "notBefore": times(),
            "notAfter": st.just("2026-01-03T00:00:00Z"),
        },
    )
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda rule: str(rule["name"]))


@st.composite
def role_mappings(draw: st.DrawFn) -> RoleMapping:
    name, namespace = draw(st.sampled_from(["r", "s", "t"])), draw(st.sampled_from(NAMESPACES))
    return role_mapping(name, *draw(rules()), namespace=namespace, ref=REF, **draw(meta()))


@st.composite
def attribute_mappings(draw: st.DrawFn) -> AttributeMapping:
    name, namespace = draw(st.sampled_from(["r", "s", "t"])), draw(st.sampled_from(NAMESPACES))
    targets = draw(st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, unique=True))
    sources = [{"target": target, "default": draw(st.sampled_from(["1", "2"]))} for target in targets]
    return attribute_mapping(name, *sources, namespace=namespace, ref=REF, **draw(meta()))


@st.composite
def configs(draw: st.DrawFn) -> ProvisioningConfig:
    roles = draw(st.lists(st.sampled_from(ROLES), unique=True))
    some = st.lists(st.sampled_from(ROLES), max_size=2, unique=True)
    tokens = [
        {"name": name, "secretRef": {"name": draw(st.sampled_from(["s1", "s2"])), "key": "token"}}
        for name in draw(st.lists(st.sampled_from(["a", "b"]), min_size=1, unique=True))
    ]
    allowed = draw(
        st.sampled_from(
            [{"from": "Same"}, {"from": "All"}, {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}]
        )
    )
    return config(
        authentication={"bearerTokens": tokens},
        roles=[{"name": role, "permissions": ["p2", "p1"]} for role in roles],
        baseRoles=draw(some),
        fallbackRoles=draw(some),
        allowedNamespaces=allowed,
        suspend=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def all_inputs(draw: st.DrawFn, previous: bool = True) -> TenantInputs:
    before = plan_tenant(draw(all_inputs(previous=False))) if previous and draw(st.booleans()) else None
    state = draw(st.sampled_from(["there", "there", "there", "gone", "unreadable"]))
    secrets = draw(st.lists(st.sampled_from(["s1", "s2"]), unique=True))
    gold = draw(st.lists(st.sampled_from(NAMESPACES), unique=True))
    return TenantInputs(
        config_key=OKTA,
        config=draw(configs()) if state == "there" else None,
        invalid="spec: broken" if state == "unreadable" else None,
        role_mappings=tuple(draw(st.lists(role_mappings(), max_size=4, unique_by=lambda mapping: mapping.key))),
        attribute_mappings=tuple(
            draw(st.lists(attribute_mappings(), max_size=4, unique_by=lambda mapping: mapping.key))
        ),
        secrets={
            ObjectKey("acme", name): {"token": draw(st.sampled_from([b"short", b"long-enough-for-a-token"]))}
            for name in secrets
        },
        namespaces={name: {"tier": "gold"} for name in gold},
        token_key=TOKEN_KEY,
        previous=before.tenant if before else None,
        previous_digests=before.digests if before else {},
    )


def shuffled(inputs: TenantInputs, source: random.Random) -> TenantInputs:
    """The same facts in another order, down to the lists in which order means nothing."""

    def some_order(values: Any) -> tuple[Any, ...]:
        return tuple(source.sample(list(values), len(values)))

    found = inputs.config
    if found is not None:
        spec = found.spec
        roles = [role.model_copy(update={"permissions": some_order(role.permissions)}) for role in spec.roles]
        found = found.model_copy(
            update={
                "spec": spec.model_copy(
                    update={
                        "roles": some_order(roles),
                        "base_roles": some_order(spec.base_roles),
                        "fallback_roles": some_order(spec.fallback_roles),
                    }
                )
            }
        )
    return replace(
        inputs,
        config=found,
        role_mappings=some_order(inputs.role_mappings),
        attribute_mappings=some_order(inputs.attribute_mappings),
        secrets=dict(some_order(inputs.secrets.items())),
        namespaces=dict(some_order(inputs.namespaces.items())),
    )


def encoded(planned: TenantPlan) -> bytes | None:
    if planned.tenant is None:
        return None
    return assemble([(planned.tenant, planned.digests)], TOKEN_KEY, 1).encode()


@given(all_inputs(), st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_means_nothing(inputs: TenantInputs, source: random.Random) -> None:
    here, there = plan_tenant(inputs), plan_tenant(shuffled(inputs, source))

    assert encoded(here) == encoded(there)
    assert here.digests == there.digests
    assert {key: (verdict.accepted, verdict.reason) for key, verdict in here.mapping_verdicts.items()} == {
        key: (verdict.accepted, verdict.reason) for key, verdict in there.mapping_verdicts.items()
    }


@given(all_inputs())
def test_a_planned_tenant_is_a_valid_document_and_planning_it_again_changes_nothing(inputs: TenantInputs) -> None:
    planned = plan_tenant(inputs)

    assert encoded(plan_tenant(inputs)) == encoded(planned)
    if planned.tenant is not None:
        assert Tenant.model_validate(planned.tenant.model_dump()) == planned.tenant
        again = replace(inputs, previous=planned.tenant, previous_digests=planned.digests)
        assert encoded(plan_tenant(again)) == encoded(planned)


@given(all_inputs())
def test_no_role_outside_the_catalogue_is_ever_granted(inputs: TenantInputs) -> None:
    tenant = plan_tenant(inputs).tenant

    if tenant is not None:
        catalogue = {role.name for role in tenant.roles}
        assert {role for rule in tenant.rules for role in rule.roles} <= catalogue
        assert {*tenant.base_roles, *tenant.fallback_roles} <= catalogue


@given(all_inputs())
def test_unless_suspended_every_rule_has_a_living_mapping_that_says_so(inputs: TenantInputs) -> None:
    tenant = plan_tenant(inputs).tenant

    if tenant is not None and not (inputs.config and inputs.config.spec.suspend):
        said = {
            (str(mapping.key), rule.name): set(rule.roles)
            for mapping in inputs.role_mappings
            if not mapping.being_deleted
            for rule in mapping.spec.rules
        }
        assert all(
            set(rule.roles) <= gave(inputs.previous, rule) | said[rule.mapping, rule.rule] for rule in tenant.rules
        )


def gave(previous: Tenant | None, rule: RoleRule) -> set[str]:
    """What the rule gave before."""
    before = previous.rules if previous is not None else ()
    return {role for one in before if (one.mapping, one.rule) == (rule.mapping, rule.rule) for role in one.roles}


@given(all_inputs(), st.data())
def test_removing_a_mapping_removes_its_rules_and_no_others(inputs: TenantInputs, data: st.DataObject) -> None:
    before = plan_tenant(inputs).tenant
    if before is None or not inputs.role_mappings or (inputs.config and inputs.config.spec.suspend):
        return
    removed = data.draw(st.sampled_from(inputs.role_mappings))
    rest = tuple(mapping for mapping in inputs.role_mappings if mapping is not removed)

    after = plan_tenant(replace(inputs, role_mappings=rest)).tenant

    assert after is not None
    assert after.rules == tuple(rule for rule in before.rules if rule.mapping != str(removed.key))


@given(all_inputs())
def test_every_living_mapping_gets_a_verdict_unless_the_config_is_suspended(inputs: TenantInputs) -> None:
    planned = plan_tenant(inputs)

    living = {
        (mapping.kind, mapping.key)
        for mapping in (*inputs.role_mappings, *inputs.attribute_mappings)
        if not mapping.being_deleted
    }
    suspended = inputs.config is not None and inputs.config.spec.suspend
    assert set(planned.mapping_verdicts) == (set() if suspended else living)


@given(all_inputs())
def test_a_mapping_is_in_effect_exactly_if_something_of_it_is_in_the_tenant(inputs: TenantInputs) -> None:
    planned = plan_tenant(inputs)

    tenant = planned.tenant
    present = {("RoleMapping", rule.mapping) for rule in tenant.rules} if tenant else set()
    present |= {("AttributeMapping", rule.mapping) for rule in tenant.attributes} if tenant else set()
    for (kind, key), verdict in planned.mapping_verdicts.items():
        assert verdict.in_effect == ((kind, str(key)) in present)
        assert verdict.in_effect or not verdict.accepted
