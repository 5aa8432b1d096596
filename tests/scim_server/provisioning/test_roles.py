"""What a user effectively is."""

from datetime import UTC, datetime

from scim_server.config import GroupSelector, RoleRule
from scim_server.provisioning.roles import (
    EffectiveRole,
    GroupGrant,
    HeldRole,
    Reason,
    explain,
    permissions_of,
    reasons_of,
)
from tests.support.policies import policy_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = policy_of(
    [RoleRule(mapping="acme/roles", rule="admins", groups=(GroupSelector(display_name="Admins"),), roles=("admin",))],
    base_roles=["viewer"],
    fallback_roles=["guest"],
)


def test_a_role_has_all_of_its_reasons_in_order() -> None:
    grants = [
        GroupGrant("viewer", "acme/b", "r", "Zed"),
        GroupGrant("viewer", "acme/b", "r", "Abc"),
        GroupGrant("viewer", "acme/a", "x", "Abc"),
        GroupGrant("viewer", "acme/a", "x", "Abc"),
    ]
    assert explain([HeldRole("viewer", NOW)], True, grants, RULES) == (
        EffectiveRole(
            "viewer",
            NOW,
            (
                Reason(mapping="acme/a", rule="x", group="Abc"),
                Reason(mapping="acme/b", rule="r", group="Abc"),
                Reason(mapping="acme/b", rule="r", group="Zed"),
                Reason(source="base"),
            ),
        ),
    )


def test_fallback_is_a_reason_only_where_no_mapping_gives_a_role() -> None:
    held = [HeldRole("viewer", NOW), HeldRole("guest", NOW)]
    assert [role.reasons for role in explain(held, True, [], RULES)] == [
        (Reason(source="fallback"),),
        (Reason(source="base"),),
    ]
    mapped = explain(
        [*held, HeldRole("admin", NOW)], True, [GroupGrant("admin", "acme/roles", "admins", "Admins")], RULES
    )
    assert [(role.value, bool(role.reasons)) for role in mapped] == [
        ("admin", True),
        ("guest", False),
        ("viewer", True),
    ]


def test_only_held_roles_are_shown() -> None:
    """While new rules are being applied, a grant may be there before the role, and a role after its reasons."""
    assert explain([], True, [GroupGrant("admin", "acme/roles", "admins", "Admins")], RULES) == ()


def test_an_inactive_user_has_no_reason_for_a_role() -> None:
    assert reasons_of(False, [GroupGrant("admin", "acme/roles", "admins", "Admins")], RULES) == {}


def test_permissions_are_those_of_all_roles_once_and_sorted() -> None:
    catalogue = {"a": ["users:write", "alerts:read"], "b": ["alerts:read"], "c": ["never"]}
    assert permissions_of(["b", "a", "unknown"], catalogue) == ["alerts:read", "users:write"]
