"""Which groups grant which roles."""

import pytest

from scim_server.config import GroupSelector, RoleRule, Tenant
from scim_server.config.model import Role
from scim_server.provisioning.grants import Grant
from scim_server.provisioning.policy import Policy
from tests.support.policies import policy_of


def _rules(*rules: RoleRule) -> Policy:
    return policy_of(rules, (), ())


def _rule(name: str, *groups: GroupSelector, roles: tuple[str, ...] = ("admin",)) -> RoleRule:
    return RoleRule(mapping="acme/roles", rule=name, groups=groups, roles=roles)


def _grant(rule: str, role: str = "admin") -> Grant:
    return Grant("acme/roles", rule, role)


@pytest.mark.parametrize("name", ["App Admins", "app admins", "APP ADMINS"])
def test_display_names_compare_without_case(name: str) -> None:
    rules = _rules(_rule("r", GroupSelector(display_name="App Admins")))
    assert rules.grants_of(name, None) == {_grant("r")}


def test_a_name_that_only_looks_alike_is_another_one() -> None:
    rules = _rules(_rule("r", GroupSelector(display_name="Kitchen")))
    assert rules.grants_of("KITCHEN", None) == {_grant("r")}
    assert rules.grants_of("\N{KELVIN SIGN}itchen", None) == set()


@pytest.mark.parametrize(("external_id", "granted"), [("00g1", True), ("00G1", False), ("00g", False), (None, False)])
def test_external_ids_compare_exactly(external_id: str | None, granted: bool) -> None:
    rules = _rules(_rule("r", GroupSelector(external_id="00g1")))
    assert rules.grants_of("Anything", external_id) == ({_grant("r")} if granted else set())


@pytest.mark.parametrize(
    ("name", "granted"), [("app-x", True), ("app-", True), ("my app-x", False), ("App-x", False)]
)
def test_patterns_match_the_whole_name_with_case(name: str, granted: bool) -> None:
    rules = _rules(_rule("r", GroupSelector(display_name_pattern="app-.*")))
    assert rules.grants_of(name, None) == ({_grant("r")} if granted else set())


def test_a_pattern_takes_linear_time() -> None:
    rules = _rules(_rule("r", GroupSelector(display_name_pattern="(a+)+b")))
    assert rules.grants_of("a" * 50_000, None) == set()


def test_all_rules_that_match_grant() -> None:
    rules = _rules(
        _rule("by name", GroupSelector(display_name="Ops"), roles=("ops", "viewer")),
        _rule("by id", GroupSelector(external_id="1"), GroupSelector(display_name="ops")),
        _rule("other", GroupSelector(display_name="Other")),
    )
    assert rules.grants_of("ops", "1") == {_grant("by name", "ops"), _grant("by name", "viewer"), _grant("by id")}
    assert rules.grants_of(None, None) == set()


def test_rules_survive_being_stored() -> None:
    rules = policy_of(
        [
            _rule("a", GroupSelector(external_id="1"), GroupSelector(display_name="B")),
            _rule("b", GroupSelector(display_name_pattern="c.*"), roles=("x", "y")),
        ],
        base_roles=["viewer"],
        fallback_roles=["guest"],
    )
    stored = Policy.from_json(rules.to_json().decode())
    assert stored.fingerprint == rules.fingerprint
    for name, external_id in (("b", None), ("cc", None), ("z", "1"), ("z", None)):
        assert stored.grants_of(name, external_id) == rules.grants_of(name, external_id)
    assert (stored.base_roles, stored.fallback_roles) == (("viewer",), ("guest",))


def test_the_fingerprint_tells_rules_apart_and_nothing_else_of_a_tenant() -> None:
    tenant = Tenant(
        namespace="acme",
        name="okta",
        roles=(Role(name="viewer"), Role(name="guest")),
        base_roles=("viewer", "guest"),
    )
    same = tenant.model_copy(update={"display_name": "Acme", "base_roles": ("guest", "viewer", "guest")})
    other = tenant.model_copy(update={"base_roles": ("viewer",)})
    moved = tenant.model_copy(update={"base_roles": (), "fallback_roles": ("viewer", "guest")})
    fingerprints = [Policy.of(one).fingerprint for one in (tenant, same, other, moved)]
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints)) == 3
