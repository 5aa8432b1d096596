import pytest

from scim_operator.api import ObjectKey, reasons
from scim_operator.plan import MappingVerdict, TenantPlan
from scim_server.config import GroupSelector
from tests.scim_operator.objects import config, role_mapping, rule
from tests.scim_operator.plan.inputs import OKTA, granted, plan


def verdict(planned: TenantPlan, name: str = "r", namespace: str = "acme") -> MappingVerdict:
    return planned.mapping_verdicts["RoleMapping", ObjectKey(namespace, name)]


def test_rules_of_all_mappings_are_united() -> None:
    planned = plan(
        role_mapping("r", rule("a", "A", "viewer", "admin")),
        role_mapping("s", rule("a", "B", "admin"), rule("b", "C", "analyst")),
    )

    assert granted(planned) == {
        ("acme/r", "a", ("admin", "viewer")),
        ("acme/s", "a", ("admin",)),
        ("acme/s", "b", ("analyst",)),
    }
    assert verdict(planned).accepted
    assert verdict(planned).reason == reasons.ACCEPTED
    assert planned.config_verdict is not None
    assert planned.config_verdict.mappings == 2


def test_every_way_to_name_a_group_reaches_the_contract() -> None:
    groups = [{"externalId": "00g1"}, {"displayName": "App Admins"}, {"displayNamePattern": "app-.*"}]
    [found] = plan(
        role_mapping("r", {"name": "a", "groups": [*groups, groups[0]], "roles": ["admin", "admin"]})
    ).tenant.rules  # type: ignore[union-attr]

    assert set(found.groups) == {
        GroupSelector(external_id="00g1"),
        GroupSelector(display_name="App Admins"),
        GroupSelector(display_name_pattern="app-.*"),
    }
    assert len(found.groups) == 3
    assert found.roles == ("admin",)


def test_a_role_outside_the_catalogue_is_left_out_and_named() -> None:
    planned = plan(role_mapping("r", rule("good", "A", "viewer"), rule("bad", "B", "admin", "vewer")))

    assert granted(planned) == {("acme/r", "good", ("viewer",)), ("acme/r", "bad", ("admin",))}
    found = verdict(planned)
    assert (found.accepted, found.reason) == (False, "PartiallyInvalid")
    assert found.message == (
        'rule "bad": role "vewer" is not in the catalogue of acme/okta (did you mean viewer?);'
        ' rule "bad" grants admin; the other rules are in effect'
    )
    assert [problem.field for problem in found.problems] == ["spec.rules[1].roles[1]"]


def test_a_mapping_without_a_rule_that_works_is_not_accepted() -> None:
    planned = plan(role_mapping("r", rule("bad", "B", "root")))

    assert granted(planned) == set()
    found = verdict(planned)
    assert (found.accepted, found.reason) == (False, "RoleNotFound")
    assert found.condition.status == "False"
    assert planned.config_verdict is not None
    assert planned.config_verdict.mappings == 0


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", "a{1001}", r"(\1)"])
def test_a_pattern_that_is_not_re2_is_named(pattern: str) -> None:
    planned = plan(role_mapping("r", rule("a", {"displayNamePattern": pattern}, "admin"), rule("b", "B", "admin")))

    assert granted(planned) == {("acme/r", "b", ("admin",))}
    [problem] = verdict(planned).problems
    assert (problem.reason, problem.field) == ("InvalidPattern", "spec.rules[0].groups[0].displayNamePattern")
    assert problem.message.startswith('rule "a": ')


def test_removing_a_mapping_removes_its_rules() -> None:
    kept, removed = role_mapping("kept", rule("a", "A", "admin")), role_mapping("gone", rule("a", "A", "viewer"))
    before = plan(kept, removed)

    after = plan(kept, previous=before.tenant, previous_digests=before.digests)

    assert granted(after) == {("acme/kept", "a", ("admin",))}


def test_a_mapping_that_is_being_deleted_has_no_effect_any_more() -> None:
    planned = plan(role_mapping("r", rule("a", "A", "admin"), deletionTimestamp="2026-11-05T12:00:00Z"))

    assert granted(planned) == set()
    assert planned.mapping_verdicts == {}


def test_mappings_of_a_config_that_is_not_there_say_so() -> None:
    planned = plan(role_mapping("r", rule("a", "A", "admin")), config=None)

    assert verdict(planned).reason == "ConfigNotFound"
    assert verdict(planned).message == "ProvisioningConfig acme/okta was not found"


def test_a_mapping_of_another_namespace_learns_nothing_of_configs_it_may_not_use() -> None:
    ref = {"name": "okta", "namespace": "acme"}
    foreign = role_mapping("r", rule("a", "A", "admin"), namespace="team-a", ref=ref)
    said = "ProvisioningConfig acme/okta was not found, or does not allow mappings from namespace team-a"

    assert verdict(plan(foreign, config=None), "r", "team-a").message == said
    assert verdict(plan(foreign), "r", "team-a").message == said


def test_a_stalled_config_still_loses_the_rules_of_a_deleted_mapping() -> None:
    kept, removed = role_mapping("kept", rule("a", "A", "admin")), role_mapping("gone", rule("a", "A", "viewer"))
    before = plan(kept, removed)

    after = plan(kept, config=config(baseRoles=["nobody"]), previous=before.tenant, previous_digests=before.digests)

    assert granted(after) == {("acme/kept", "a", ("admin",))}


def test_rules_of_a_stalled_config_are_checked_against_the_catalogue_that_is_delivered() -> None:
    before = plan(config=config(roles=[{"name": "viewer"}]))
    stalled = config(roles=[{"name": "admin"}, {"name": "viewer"}], baseRoles=["nobody"])

    after = plan(
        role_mapping("r", rule("a", "A", "admin"), rule("b", "B", "viewer")),
        config=stalled,
        previous=before.tenant,
        previous_digests=before.digests,
    )

    assert granted(after) == {("acme/r", "b", ("viewer",))}


def test_mappings_of_a_stalled_config_that_was_never_delivered_say_so() -> None:
    planned = plan(role_mapping("r", rule("a", "A", "admin")), config=config(baseRoles=["nobody"]))

    assert verdict(planned).reason == "ConfigInvalid"


def test_while_a_config_does_not_parse_only_known_mappings_and_its_own_namespace_take_part() -> None:
    ref = {"name": "okta", "namespace": "acme"}
    known = role_mapping("known", rule("a", "A", "admin"), namespace="team-a", ref=ref)
    own = role_mapping("own", rule("a", "A", "admin"))
    foreign = role_mapping("new", rule("a", "A", "admin"), namespace="team-b", ref=ref)
    before = plan(known, config=config(allowedNamespaces={"from": "All"}))

    after = plan(known, own, foreign, config=None, invalid="spec: broken", previous=before.tenant)

    assert granted(after) == {("team-a/known", "a", ("admin",)), ("acme/own", "a", ("admin",))}
    assert verdict(after, "new", "team-b").reason == "ConfigNotFound"


def test_a_mapping_that_does_not_parse_is_told_what_is_wrong() -> None:
    key = ("RoleMapping", ObjectKey("acme", "r"))

    planned = plan(invalid_mappings={key: "spec.rules: a list is expected"})

    found = planned.mapping_verdicts[key]
    assert (found.accepted, found.reason, found.message) == (False, "InvalidSpec", "spec.rules: a list is expected")


def test_the_config_key_decides_where_the_mapping_is_reported() -> None:
    planned = plan(role_mapping("r", rule("a", "A", "admin")))

    assert set(planned.mapping_verdicts) == {("RoleMapping", ObjectKey("acme", "r"))}
    assert planned.tenant is not None
    assert planned.tenant.key == str(OKTA)
