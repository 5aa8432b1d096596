"""A typo must not take a role away; a correction or a deletion takes it at once."""

from typing import Any

import pytest

from scim_operator.api import ObjectKey, RoleMapping
from scim_operator.plan import MappingVerdict, TenantPlan
from scim_server.config import GroupSelector
from tests.scim_operator.objects import JsonObject, config, role_mapping, rule
from tests.scim_operator.plan.inputs import again, granted, plan

CATALOGUE = ("admin", "developer", "responder", "viewer")


def catalogue(*names: str) -> Any:
    return config(roles=[{"name": name, "permissions": [f"{name}:all"]} for name in names])


def mapping(*roles: str, groups: list[JsonObject] | None = None) -> RoleMapping:
    one = rule("devs", "Engineering", *roles)
    return role_mapping("r", one if groups is None else one | {"groups": groups})


def start(*roles: str, groups: list[JsonObject] | None = None) -> TenantPlan:
    return plan(mapping(*roles, groups=groups), config=catalogue(*CATALOGUE))


def then(before: TenantPlan, *mappings: RoleMapping, roles: tuple[str, ...] = CATALOGUE, **fields: Any) -> TenantPlan:
    """The next plan; one more changes nothing, and says nothing else."""
    fields = {"config": catalogue(*roles)} | fields
    after = again(before, *mappings, **fields)
    repeated = again(after, *mappings, **fields)
    assert repeated == after
    return after


def verdict(planned: TenantPlan) -> MappingVerdict:
    return planned.mapping_verdicts["RoleMapping", ObjectKey("acme", "r")]


def given(planned: TenantPlan) -> set[str]:
    return {role for _, _, roles in granted(planned) for role in roles}


def patterns(*texts: str) -> list[JsonObject]:
    return [{"displayNamePattern": text} for text in texts]


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        (["developer"], ["developer", "respnder"], {"developer"}),  # a typo in what is added
        (["developer"], ["develper"], {"developer"}),  # in the only role
        (["developer", "responder"], ["develper", "responder"], {"developer", "responder"}),
        (["developer", "responder"], ["develper", "respnder"], {"developer", "responder"}),
        (["developer"], ["engineer"], {"developer"}),  # renamed here before it is in the catalogue
        (["developer", "admin"], ["developer", "respnder"], {"developer"}),  # admin was taken out
        (["developer", "responder"], ["respnder"], {"responder"}),  # developer was taken out
        (["developer", "responder"], ["responder"], {"responder"}),
        (["developer"], ["admin", "develper"], {"admin", "developer"}),
    ],
)
def test_a_typo_keeps_what_it_may_mean_and_nothing_else(before: list[str], after: list[str], left: set[str]) -> None:
    assert given(then(start(*before), mapping(*after))) == left


def test_the_known_roles_of_a_rule_are_in_effect_and_the_others_are_named() -> None:
    found = verdict(then(start("developer"), mapping("developer", "respnder")))

    assert (found.accepted, found.in_effect, found.reason) == (False, True, "PartiallyInvalid")
    assert found.message == (
        'rule "devs": role "respnder" is not in the catalogue of acme/okta (did you mean responder?);'
        ' rule "devs" grants developer'
    )
    assert found.stalled.status == "True"


def test_a_rule_without_a_known_role_keeps_what_it_gave_and_says_so() -> None:
    found = verdict(then(start("developer"), mapping("develper")))

    assert (found.accepted, found.in_effect, found.reason) == (False, True, "RoleNotFound")
    assert found.message == (
        'rule "devs": role "develper" is not in the catalogue of acme/okta (did you mean developer?);'
        ' rule "devs" keeps granting developer as before'
    )


def test_a_new_rule_without_a_known_role_gives_nothing() -> None:
    planned = plan(mapping("develper"), config=catalogue(*CATALOGUE))

    assert granted(planned) == set()
    assert verdict(planned).message.endswith('; rule "devs" grants nothing')


def test_the_catalogue_keeps_a_role_that_a_rule_still_names() -> None:
    before = start("developer")

    after = then(before, mapping("developer"), roles=("admin", "engineer", "viewer"))

    assert granted(after) == granted(before)
    assert after.tenant is not None
    assert {role.name: role.permissions for role in after.tenant.roles}["developer"] == ("developer:all",)
    assert after.config_verdict is not None
    said = after.config_verdict.mappings_ready
    assert (said.status, said.reason) == ("False", "MappingsNotAsDeclared")
    assert said.message == (
        "not in effect as declared: RoleMapping acme/r; the condition Accepted of each says why;"
        " in effect there though no longer in the catalogue: developer"
    )

    corrected = then(after, mapping("engineer"), roles=("admin", "engineer", "viewer"))
    assert given(corrected) == {"engineer"}
    assert corrected.tenant is not None
    assert [role.name for role in corrected.tenant.roles] == ["admin", "engineer", "viewer"]
    assert corrected.config_verdict is not None
    assert corrected.config_verdict.mappings_ready.status == "True"


def test_a_role_that_the_catalogue_keeps_is_for_no_other_rule() -> None:
    after = then(start("developer"), mapping("developer"), roles=("viewer",))

    other = role_mapping("s", rule("more", "Sales", "developer"))
    assert granted(then(after, mapping("developer"), other, roles=("viewer",))) == {
        ("acme/r", "devs", ("developer",))
    }


def test_what_stays_is_for_the_groups_that_had_it() -> None:
    two = [{"displayName": "Engineering"}, {"displayName": "Sales"}]

    after = then(start("developer"), mapping("develper", groups=two))
    [kept] = after.tenant.rules  # type: ignore[union-attr]
    assert kept.groups == (GroupSelector(display_name="Engineering"),)

    [corrected] = then(after, mapping("developer", groups=two)).tenant.rules  # type: ignore[union-attr]
    assert len(corrected.groups) == 2


def test_a_group_that_is_taken_out_of_a_kept_rule_goes_at_once() -> None:
    before = start("developer", groups=[{"displayName": "Engineering"}, {"displayName": "Sales"}])

    after = then(before, mapping("develper", groups=[{"displayName": "Sales"}]))

    [kept] = after.tenant.rules  # type: ignore[union-attr]
    assert kept.groups == (GroupSelector(display_name="Sales"),)
    assert granted(then(after, mapping("develper", groups=[{"displayName": "Others"}]))) == set()


def test_a_pattern_that_does_not_compile_keeps_the_one_before() -> None:
    before = start("developer", groups=patterns("Team .+"))

    after = then(before, mapping("developer", groups=patterns("Team (.+")))

    assert after.tenant == before.tenant
    found = verdict(after)
    assert (found.accepted, found.in_effect, found.reason) == (False, True, "InvalidPattern")
    assert found.message.endswith('; rule "devs" keeps granting developer as before')


def test_a_rule_with_a_pattern_that_does_not_compile_gives_nothing_new() -> None:
    before = start("developer", groups=patterns("Team .+"))

    wider = mapping("developer", "admin", groups=[*patterns("Team (.+"), {"displayName": "Sales"}])

    assert then(before, wider).tenant == before.tenant


def test_what_is_taken_out_of_a_rule_whose_pattern_does_not_compile_goes_at_once() -> None:
    both = [{"displayName": "Sales"}, *patterns("Team .+")]
    before = start("developer", "admin", groups=both)

    after = then(before, mapping("developer", groups=patterns("Team (.+")))

    [kept] = after.tenant.rules  # type: ignore[union-attr]
    assert kept.roles == ("developer",)
    assert kept.groups == (GroupSelector(display_name_pattern="Team .+"),)


@pytest.mark.parametrize("broken", [mapping("develper"), mapping("developer", groups=patterns("("))])
def test_deleting_the_rule_or_the_mapping_takes_the_role_at_once(broken: RoleMapping) -> None:
    kept = then(start("developer"), broken)
    assert given(kept) == {"developer"}

    assert granted(then(kept)) == set()
    assert given(then(kept, role_mapping("r", rule("others", "Sales", "viewer")))) == {"viewer"}
    deleted = role_mapping("r", rule("devs", "A", "develper"), deletionTimestamp="2026-11-05T12:00:00Z")
    assert granted(then(kept, deleted)) == set()


def test_consent_that_is_revoked_takes_what_was_kept() -> None:
    ref = {"name": "okta", "namespace": "acme"}
    allowing = config(allowedNamespaces={"from": "All"})
    foreign = role_mapping("r", rule("a", "A", "admin"), namespace="team-a", ref=ref)
    kept = again(
        plan(foreign, config=allowing),
        role_mapping("r", rule("a", "A", "admn"), namespace="team-a", ref=ref),
        config=allowing,
    )
    assert given(kept) == {"admin"}

    revoked = again(kept, role_mapping("r", rule("a", "A", "admn"), namespace="team-a", ref=ref))
    assert granted(revoked) == set()
    key = ("RoleMapping", ObjectKey("team-a", "r"))
    unread = again(kept, invalid_mappings={key: "spec: broken"})
    assert granted(unread) == set()
    assert unread.mapping_verdicts[key].reason == "ConfigNotFound"


def test_a_mapping_that_does_not_parse_keeps_its_rules_until_it_is_corrected_or_deleted() -> None:
    key = ("RoleMapping", ObjectKey("acme", "r"))
    before = start("developer")

    after = then(before, invalid_mappings={key: "spec.rules: a list is expected"}, roles=("viewer",))

    assert granted(after) == granted(before)
    found = after.mapping_verdicts[key]
    assert (found.accepted, found.in_effect, found.reason) == (False, True, "InvalidSpec")
    assert found.message == "spec.rules: a list is expected; what it gave last stays in effect"
    assert granted(then(after)) == set()
    assert given(then(after, mapping("viewer"))) == {"viewer"}


def test_a_typo_among_the_base_roles_keeps_the_settings_and_the_rules() -> None:
    before = plan(mapping("developer"), config=config(roles=[{"name": "developer"}], baseRoles=["developer"]))

    after = again(before, mapping("developer"), config=config(roles=[{"name": "engineer"}], baseRoles=["developer"]))

    assert after.tenant == before.tenant
    assert after.config_verdict is not None
    assert after.config_verdict.stalled.status == "True"


def test_many_mappings_that_are_not_as_declared_are_counted() -> None:
    planned = plan(*(role_mapping(f"r{number}", rule("a", "A", "nobody")) for number in range(7)))

    assert planned.config_verdict is not None
    assert "RoleMapping acme/r4 and 2 more;" in planned.config_verdict.mappings_ready.message


def test_a_name_that_becomes_a_broken_pattern_keeps_its_group() -> None:
    before = start("developer", groups=[{"displayName": "Admins"}])
    after = then(before, mapping("developer", groups=[*patterns("Admins("), {"displayName": "Other"}]))
    assert after.tenant is not None
    assert [rule.groups for rule in after.tenant.rules] == [(GroupSelector(display_name="Admins"),)]


def test_a_kept_role_is_for_no_other_rule_whatever_becomes_of_the_config() -> None:
    other = role_mapping("other", rule("new", "Strangers", "admin"))
    kept = then(start("admin"), mapping("admin"), roles=("developer",))
    assert given(kept) == {"admin"}
    roles = [{"name": "developer", "permissions": []}]
    broken = then(kept, mapping("admin"), other, config=config(roles=roles, baseRoles=["nope"], fallbackRoles=[]))
    assert granted(broken) == granted(kept)
    assert granted(then(broken, mapping("admin"), other, roles=("developer",))) == granted(kept)
