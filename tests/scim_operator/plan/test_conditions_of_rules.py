"""Conditions and windows of rules: a broken one never widens who gets a role, and takes none away."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import AttributeMapping, ObjectKey, RoleMapping
from scim_operator.plan import MappingVerdict, TenantPlan
from scim_server.config import RoleRule
from scim_server.provisioning.expressions import compile_expression
from tests.scim_operator.objects import config, metadata, role_mapping
from tests.scim_operator.plan.inputs import again, plan

EMPLOYEES = 'user.userType == "Employee"'
BROKEN = "user.userType =="
ENGINEERING = [{"displayName": "Engineering"}]
CONFIG = config(roles=[{"name": "admin"}, {"name": "developer"}])


def mapping(mode: str = "Enforce", **rule: Any) -> RoleMapping:
    one = role_mapping("r", {"name": "devs", "roles": ["developer"]} | rule)
    spec = one.spec.model_copy(update={"mode": type(one.spec.mode)(mode)})
    return one.model_copy(update={"spec": spec})


def start(mode: str = "Enforce", **rule: Any) -> TenantPlan:
    return plan(mapping(mode, **rule), config=CONFIG)


def then(before: TenantPlan, mode: str = "Enforce", **rule: Any) -> TenantPlan:
    """The next plan; one more changes nothing, and says nothing else."""
    after = again(before, mapping(mode, **rule), config=CONFIG)
    assert again(after, mapping(mode, **rule), config=CONFIG) == after
    return after


def rule_of(planned: TenantPlan) -> RoleRule | None:
    assert planned.tenant is not None
    return planned.tenant.rules[0] if planned.tenant.rules else None


def verdict(planned: TenantPlan) -> MappingVerdict:
    return planned.mapping_verdicts["RoleMapping", ObjectKey("acme", "r")]


def reach(planned: TenantPlan) -> tuple[list[str], str | None] | None:
    """Names of groups, and the condition."""
    rule = rule_of(planned)
    return None if rule is None else ([group.display_name or "" for group in rule.groups], rule.when)


def test_a_rule_has_groups_a_condition_or_both_and_a_window() -> None:
    """provisioning.md, "RoleMapping": `when` alone maps without SCIM groups; notBefore and notAfter."""
    window = {"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00+01:00"}

    alone = rule_of(start(when=EMPLOYEES, **window))
    both = start(groups=ENGINEERING, when=EMPLOYEES)

    assert alone is not None
    assert (alone.groups, alone.when) == ((), EMPLOYEES)
    assert alone.not_after == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert reach(both) == (["Engineering"], EMPLOYEES)
    assert verdict(both).accepted


def test_a_preview_is_delivered_as_one_and_gives_nothing_by_a_typo() -> None:
    """provisioning.md, "RoleMapping": mode Preview."""
    before = start(groups=ENGINEERING)

    preview = then(before, "Preview", groups=ENGINEERING)
    misspelt = then(before, "Preview", groups=ENGINEERING, roles=["develper"])
    back = then(preview, groups=ENGINEERING, when=BROKEN)

    rule = rule_of(preview)
    assert rule is not None
    assert rule.preview
    assert reach(misspelt) is None
    assert reach(back) is None  # it gave nothing as a preview


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (BROKEN, 'rule "devs": when: '),
        ('user.usertype == "x"', "did you mean userType?"),
        ('user["urn:acme:app"].badge == 1', "urn:acme:app"),
    ],
)
def test_a_condition_that_can_not_be_used_is_named(when: str, said: str) -> None:
    planned = start(groups=ENGINEERING, when=when)

    assert reach(planned) is None
    found = verdict(planned)
    assert (found.accepted, found.reason) == (False, "InvalidExpression")
    assert said in found.message
    assert found.message.endswith('rule "devs" grants nothing')
    assert [problem.field for problem in found.problems] == ["spec.rules[0].when"]


def test_a_condition_may_name_what_a_mapping_declares() -> None:
    schema = {"id": "urn:acme:app", "attributes": [{"name": "badge"}]}
    spec = {"configRef": {"name": "okta"}, "schemas": [schema]}
    declares = AttributeMapping.from_object({"metadata": metadata("a"), "spec": spec})

    planned = plan(mapping(when='user["urn:acme:app"].badge == "1"'), declares, config=CONFIG)

    assert verdict(planned).accepted


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        # The condition breaks: as it was, without one too.
        (
            {"groups": ENGINEERING, "when": EMPLOYEES},
            {"groups": ENGINEERING, "when": BROKEN},
            (["Engineering"], EMPLOYEES),
        ),
        ({"groups": ENGINEERING}, {"groups": ENGINEERING, "when": BROKEN}, (["Engineering"], None)),
        ({"when": EMPLOYEES}, {"when": BROKEN}, ([], EMPLOYEES)),
        # Groups come or go in the same change.
        ({"when": EMPLOYEES}, {"groups": ENGINEERING, "when": BROKEN}, (["Engineering"], EMPLOYEES)),
        ({"groups": ENGINEERING}, {"when": BROKEN}, (["Engineering"], None)),
        ({"groups": ENGINEERING}, {"groups": [{"displayName": "Sales"}], "when": BROKEN}, None),
        # A pattern breaks.
        (
            {"groups": ENGINEERING, "when": EMPLOYEES},
            {"groups": [{"displayNamePattern": "Engineering("}], "when": "user.active"},
            (["Engineering"], f"({EMPLOYEES}\n) && (user.active\n)"),
        ),
        ({"when": EMPLOYEES}, {"groups": [{"displayNamePattern": "("}]}, ([], EMPLOYEES)),
        # A role is misspelt while the condition changes.
        (
            {"groups": ENGINEERING},
            {"groups": ENGINEERING, "when": "user.active", "roles": ["develper"]},
            (["Engineering"], "user.active"),
        ),
        ({"when": EMPLOYEES}, {"groups": ENGINEERING, "roles": ["develper"]}, (["Engineering"], EMPLOYEES)),
        (
            {"when": f"{EMPLOYEES} // the staff"},
            {"when": "user.active // those", "roles": ["develper"]},
            ([], f"({EMPLOYEES} // the staff\n) && (user.active // those\n)"),
        ),
        # What an author wrote isn't taken for what was put together here.
        (
            {"when": "(true\n) || (user.active\n)"},
            {"when": "user.active", "roles": ["develper"]},
            ([], "((true\n) || (user.active\n)\n) && (user.active\n)"),
        ),
    ],
)
def test_what_stays_of_a_rule_is_for_nobody_new(
    before: dict[str, Any], after: dict[str, Any], left: tuple[list[str], str | None] | None
) -> None:
    assert reach(then(start(**before), **after)) == left


def test_what_stays_ends_when_either_window_does() -> None:
    early = {"notAfter": "2027-01-01T00:00:00Z"}
    late = {"notBefore": "2026-06-01T00:00:00Z", "notAfter": "2028-01-01T00:00:00Z"}
    other = {"notBefore": "2029-01-01T00:00:00Z"}
    typo: dict[str, Any] = {"groups": ENGINEERING, "roles": ["develper"]}
    before = start(groups=ENGINEERING, **early)

    rule = rule_of(then(before, **typo, **late))
    apart = then(before, **typo, **other)

    assert rule is not None
    assert rule.not_before == datetime(2026, 6, 1, tzinfo=UTC)
    assert rule.not_after == datetime(2027, 1, 1, tzinfo=UTC)
    assert reach(apart) is None


def test_a_rule_that_has_ended_is_said_and_is_no_fault() -> None:
    ended = mapping(groups=ENGINEERING, notAfter="2027-01-01T00:00:00Z")

    before = verdict(plan(ended, config=CONFIG, now=datetime(2026, 12, 31, tzinfo=UTC)))
    after = verdict(plan(ended, config=CONFIG, now=datetime(2027, 1, 1, tzinfo=UTC)))

    assert (before.accepted, before.message) == (True, "all rules are in effect")
    assert after.accepted
    assert after.message == 'all rules are in effect; rule "devs" ended at 2027-01-01T00:00:00Z'


# What a person has by a rule, whoever it is and whenever.
PEOPLE = [
    (frozenset(groups), {"active": active, "title": title})
    for groups in ((), ("A",), ("B",), ("A", "B"))
    for active in (True, False)
    for title in ("x", "y")
]
TIMES = [datetime(year, 1, 1, tzinfo=UTC) for year in (2026, 2027, 2028)]
SPECS = st.fixed_dictionaries(
    {"roles": st.lists(st.sampled_from(["admin", "developer", "develper", "nobody"]), min_size=1, unique=True)},
    optional={
        "groups": st.lists(
            st.sampled_from([{"displayName": "A"}, {"displayName": "B"}, {"displayNamePattern": "A("}]),
            min_size=1,
            max_size=2,
        ),
        "when": st.sampled_from(["user.active", 'user.title == "x"', BROKEN]),
        "notBefore": st.just("2026-06-01T00:00:00Z"),
        "notAfter": st.just("2027-06-01T00:00:00Z"),
    },
).filter(lambda spec: "groups" in spec or "when" in spec)

Right = tuple[frozenset[str], str, datetime, str]


def rights(rules: Iterable[RoleRule]) -> set[Right]:
    return {
        (groups, str(user), time, role)
        for rule in rules
        for groups, user in PEOPLE
        for time in TIMES
        if not rule.groups or groups & {group.display_name for group in rule.groups}
        if rule.when is None or compile_expression(rule.when).holds(user)
        if (rule.not_before is None or rule.not_before <= time) and (rule.not_after is None or time < rule.not_after)
        for role in rule.roles
    }


def declared_rights(spec: dict[str, Any]) -> set[Right]:
    """By what is correct in it."""
    groups = [group for group in spec.get("groups", []) if "displayName" in group]
    roles = [role for role in spec["roles"] if role in ("admin", "developer")]
    if spec.get("when") == BROKEN or not roles or ("groups" in spec and not groups):
        return set()
    correct = spec | {"roles": roles} | ({"groups": groups} if groups else {})
    return rights([RoleRule.model_validate({"mapping": "acme/r", "rule": "devs"} | correct)])


def is_clean(spec: dict[str, Any]) -> bool:
    known = {*spec["roles"]} <= {"admin", "developer"}
    return known and spec.get("when") != BROKEN and {"displayNamePattern": "A("} not in spec.get("groups", [])


@given(st.lists(SPECS, min_size=2, max_size=4))
def test_whatever_is_changed_nobody_has_what_neither_the_rule_nor_the_one_before_gave(
    specs: list[dict[str, Any]],
) -> None:
    planned = start(**specs[0])
    for spec in specs[1:]:
        before = planned
        planned = then(before, **spec)

        after = rights(planned.tenant.rules if planned.tenant else ())
        assert after <= rights(before.tenant.rules if before.tenant else ()) | declared_rights(spec)
        if is_clean(spec):
            assert after == declared_rights(spec)
