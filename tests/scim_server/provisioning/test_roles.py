"""What a user effectively is: the law of roles, without a database."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from scim_server.config import GroupSelector, ProviderRoles, Role, RoleRule
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.roles import HeldGrant, ReachedGroup, Reason, first_roles, permissions_of, reasons_of
from tests.support.policies import policy_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADMINS, OTHERS = ReachedGroup("a", "App Admins", "00g1"), ReachedGroup("o", "Others")


def _rule(*roles: str, name: str = "r", groups: Collection[GroupSelector] = (), **fields: Any) -> RoleRule:
    return RoleRule(mapping="acme/roles", rule=name, groups=tuple(groups), roles=roles, **fields)


def _admins(*roles: str, **fields: Any) -> RoleRule:
    return _rule(*roles, groups=[GroupSelector(display_name="app admins")], **fields)


def _roles(policy: Policy, user: Mapping[str, Any] | None = None, *groups: ReachedGroup, **rest: Any) -> set[str]:
    verdicts = policy.conditions.of({"userName": "ann", **(user or {})}).true
    return {*reasons_of(policy, State.ACTIVE, groups, verdicts, rest.pop("now", NOW), **rest)}


def test_every_way_to_name_a_group() -> None:
    """provisioning.md, "RoleMapping": each exactly one of externalId | id | displayName | displayNamePattern (RE2)"""
    for selector in (
        GroupSelector(external_id="00g1"),
        GroupSelector(id="a"),
        GroupSelector(display_name="app ADMINS"),
        GroupSelector(display_name_pattern="App .*"),
    ):
        policy = policy_of([_rule("admin", groups=[selector])])
        assert (_roles(policy, None, ADMINS), _roles(policy, None, OTHERS)) == ({"admin"}, set())
    assert (
        _roles(policy_of([_rule("admin", groups=[GroupSelector(display_name_pattern="app .*")])]), None, ADMINS)
        == set()
    )


def test_a_role_has_all_of_its_reasons() -> None:
    """provisioning.md: "Union: a user has every role that any rule gives. Order never matters." """
    first = _admins("admin", "viewer", name="admins")
    second = _rule("viewer", name="all", groups=[GroupSelector(display_name_pattern=".*")])
    for rules in ([first, second], [second, first]):
        policy = policy_of(rules, base_roles=["viewer"], fallback_roles=["guest"])
        by_admins = Reason("acme/roles", "admins", "App Admins", group_id="a")
        assert reasons_of(policy, State.ACTIVE, [ADMINS, OTHERS], (), NOW) == {
            "admin": {by_admins},
            "viewer": {
                by_admins,
                Reason("acme/roles", "all", "App Admins", group_id="a"),
                Reason("acme/roles", "all", "Others", group_id="o"),
                Reason(source="base"),
            },
        }


def test_fallback_is_for_users_to_whom_no_mapping_gives_a_role() -> None:
    """provisioning.md: "fallbackRoles: active users to whom no mapping gives a role". The provider is no mapping."""
    policy = policy_of(
        [_admins("admin"), _rule("boss", when='user.title == "Boss"')],
        ["viewer"],
        ["guest"],
        roles=(Role(name="boss"), Role(name="guest"), Role(name="admin"), Role(name="viewer")),
        provider_roles=ProviderRoles.ACCEPT,
    )
    assert _roles(policy, None, OTHERS) == {"viewer", "guest"}
    assert _roles(policy, None, ADMINS) == {"viewer", "admin"}
    assert _roles(policy, {"title": "Boss"}) == {"viewer", "boss"}
    assert _roles(policy, {"roles": [{"value": "boss"}]}) == {"viewer", "boss", "guest"}


def test_a_condition_restricts_groups_and_maps_without_them() -> None:
    """provisioning.md: "`when` … CEL over the user; alone (no groups) it maps without SCIM groups" """
    employee = 'user.userType == "Employee"'
    policy = policy_of([_admins("admin", when=employee), _rule("staff", name="s", when=employee)])
    assert _roles(policy, {"userType": "Employee"}, ADMINS) == {"admin", "staff"}
    assert _roles(policy, {"userType": "Employee"}, OTHERS) == {"staff"}
    assert _roles(policy, {"userType": "Guest"}, ADMINS) == set()
    assert _roles(policy, None, ADMINS) == set()


def test_a_window_is_open_from_its_beginning_and_closed_at_its_end() -> None:
    """provisioning.md: "notBefore, notAfter: a grant with an end" """
    policy = policy_of([_admins("admin", not_before=NOW, not_after=NOW + HOUR)])
    times = (NOW - timedelta(microseconds=1), NOW, NOW + HOUR - timedelta(microseconds=1), NOW + HOUR)
    assert [bool(_roles(policy, None, ADMINS, now=time)) for time in times] == [False, True, True, False]


def test_a_rule_that_is_previewed_gives_nothing() -> None:
    """provisioning.md, "RoleMapping": mode Preview"""
    policy = policy_of([_admins("admin", preview=True), _rule("staff", name="s", when="true", preview=True)])
    assert _roles(policy, None, ADMINS) == set()
    assert not policy.conditions


def test_roles_of_the_provider_count_where_they_are_accepted_and_in_the_catalogue() -> None:
    """provisioning.md: "roles sent in the user's SCIM `roles` that are in the catalogue are granted too" """
    catalogue = (Role(name="admin"), Role(name="viewer"))
    user = {"roles": [{"value": "admin", "primary": True}, {"value": "Viewer"}, {"value": "root"}, {"display": "x"}]}
    accepting = policy_of(roles=catalogue, provider_roles=ProviderRoles.ACCEPT)
    first = first_roles(accepting, user, State.ACTIVE, NOW)
    assert first.by_role == {"admin": {Reason(source="provider")}}
    assert _roles(policy_of(roles=catalogue), user) == set()


def test_a_user_who_is_not_active_has_no_roles() -> None:
    """provisioning.md: "A user who is blocked, deactivated or deleted has no effective roles." """
    policy = policy_of([_admins("admin")], ["viewer"])
    for state in (State.BLOCKED, State.DEACTIVATED):
        assert reasons_of(policy, state, [ADMINS], (), NOW) == {}


def test_a_held_grant_keeps_reasons_and_makes_none() -> None:
    """engine.md, "One law of roles": a role that the user has stays while a held grant reaches it."""
    policy = policy_of((), (), ["guest"])
    held = [HeldGrant("admin", "acme/roles", "r", group_id="a"), HeldGrant("viewer", source="base")]
    before = {
        "admin": [Reason("acme/roles", "r", "App Admins", since=NOW, group_id="a")],
        "viewer": [Reason(source="base", since=NOW)],
    }
    assert _roles(policy, None, ADMINS, held=held) == {"guest"}
    assert _roles(policy, None, ADMINS, held=held, before=before) == {"admin", "viewer"}
    assert _roles(policy, None, OTHERS, held=held, before=before) == {"viewer", "guest"}
    assert _roles(policy, None, ADMINS, held=(), before=before) == {"guest"}


def test_permissions_are_the_union_of_all_roles() -> None:
    catalogue = {"admin": ["users:write", "users:read"], "viewer": ["users:read"]}
    assert permissions_of(["viewer", "admin", "unknown"], catalogue) == ["users:read", "users:write"]
