"""What local mode says about a changed configuration."""

from datetime import UTC, datetime
from typing import Any

import pytest

from scim_operator.local.changes import describe_changes
from scim_server.config import (
    Access,
    AttributeRule,
    BearerCredential,
    ConfigBundle,
    Conformance,
    Deprovisioning,
    ExtensionSchema,
    GroupSelector,
    OnDeletion,
    Role,
    RoleRule,
    ServerConfig,
    ServerSecrets,
    Tenant,
)

KEY = "0" * 64
ANALYSTS = RoleRule(
    mapping="acme/okta-roles",
    rule="analysts",
    groups=(GroupSelector(display_name="Analysts"),),
    roles=("analyst",),
)
TEAM = AttributeRule(mapping="acme/okta-attributes", target="team", path="title", default="None")
OKTA = Tenant(
    namespace="acme",
    name="okta",
    credentials=(BearerCredential(name="okta"),),
    roles=(Role(name="analyst", permissions=("alerts:read",)), Role(name="viewer")),
    base_roles=("viewer",),
    rules=(ANALYSTS,),
    attributes=(TEAM,),
)


def bundle(*tenants: Tenant, revision: int = 1, **digests: str) -> ConfigBundle:
    given = {tenant.credential_key(one.name): KEY for tenant in tenants for one in tenant.credentials}
    return ConfigBundle(
        config=ServerConfig(revision=revision, tenants=tenants),
        secrets=ServerSecrets(revision=revision, token_key=KEY, digests=given | digests),
    )


def changed(**fields: Any) -> list[str]:
    return describe_changes(bundle(OKTA), bundle(OKTA.model_copy(update=fields), revision=2))


def test_nothing_is_said_of_what_is_the_same() -> None:
    assert describe_changes(bundle(OKTA), bundle(OKTA, revision=2)) == []
    assert changed(rules=(ANALYSTS.model_copy(),)) == []


def test_order_alone_is_no_change() -> None:
    role = Role(name="analyst", permissions=("alerts:read", "alerts:write"))
    before = bundle(OKTA.model_copy(update={"roles": (role, OKTA.roles[1])}))
    other = role.model_copy(update={"permissions": role.permissions[::-1]})
    after = bundle(OKTA.model_copy(update={"roles": (OKTA.roles[1], other)}), revision=2)
    assert describe_changes(before, after) == []


def test_tenants_come_and_go() -> None:
    other = OKTA.model_copy(update={"name": "entra-id"})
    assert describe_changes(None, bundle(OKTA)) == ["provisioningconfig acme/okta: is served at /acme/okta/scim/v2"]
    assert describe_changes(bundle(OKTA), bundle(other, revision=2)) == [
        "provisioningconfig acme/entra-id: is served at /acme/entra-id/scim/v2",
        "provisioningconfig acme/okta: is gone; its users can't be reached, and are erased after 2160h",
    ]
    erasing = OKTA.model_copy(update={"on_deletion": OnDeletion.ERASE})
    gone = Tenant(namespace="acme", name="okta", deleted=True, on_deletion=OnDeletion.ERASE)
    assert describe_changes(bundle(erasing), bundle(gone, revision=2)) == [
        "provisioningconfig acme/okta: is gone; its users are erased"
    ]
    assert describe_changes(bundle(gone), bundle(other, revision=2)) == [
        "provisioningconfig acme/entra-id: is served at /acme/entra-id/scim/v2"
    ]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        pytest.param(
            [ANALYSTS.model_copy(update={"roles": ("viewer", "analyst")})],
            ["rule analysts now grants analyst, viewer"],
            id="roles",
        ),
        pytest.param(
            [ANALYSTS.model_copy(update={"groups": (GroupSelector(external_id="00g1"),)})],
            ["rule analysts now matches group with externalId '00g1'"],
            id="groups",
        ),
        pytest.param([], ["rule analysts is gone, it granted analyst"], id="gone"),
        pytest.param(
            [
                ANALYSTS,
                RoleRule(
                    mapping="acme/okta-roles",
                    rule="others",
                    groups=(GroupSelector(display_name="Staff"), GroupSelector(display_name_pattern="Team .+")),
                    roles=("viewer",),
                ),
            ],
            ["rule others is new: group 'Staff', groups like 'Team .+' → viewer"],
            id="new",
        ),
    ],
)
def test_rules(rules: list[RoleRule], said: list[str]) -> None:
    assert changed(rules=tuple(rules)) == [f"rolemapping acme/okta-roles: {line}" for line in said]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ([], "team is gone"),
        ([TEAM.model_copy(update={"default": None})], "team now comes from title"),
        ([TEAM.model_copy(update={"default": "Red"})], "team now comes from title, else 'Red'"),
        ([TEAM.model_copy(update={"path": None})], "team is now always 'None'"),
    ],
)
def test_attributes(attributes: list[AttributeRule], said: str) -> None:
    assert changed(attributes=tuple(attributes)) == [f"attributemapping acme/okta-attributes: {said}"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"base_roles": ()}, "base roles are now nothing"),
        ({"fallback_roles": ("analyst",)}, "fallback roles are now analyst"),
        ({"display_name": "Acme"}, "display name is now Acme"),
        ({"provider": "Okta"}, "provider is now Okta"),
        (
            {"deprovisioning": Deprovisioning(deactivation_delay_seconds=60)},
            "blocked users are deactivated after 1m",
        ),
        ({"on_deletion": OnDeletion.ERASE}, "once it is deleted, its users are erased"),
        (
            {"deprovisioning": Deprovisioning(retention_seconds=90)},
            "once it is deleted, its users can't be reached, and are erased after 90s",
        ),
        (
            {"roles": (*OKTA.roles, Role(name="admin", permissions=("b", "a")))},
            "role admin is new in the catalogue, it permits a, b",
        ),
        (
            {"roles": (OKTA.roles[0].model_copy(update={"permissions": ()}), OKTA.roles[1])},
            "role analyst now permits nothing",
        ),
        (
            {"roles": (OKTA.roles[0].model_copy(update={"display_name": "Analyst"}), OKTA.roles[1])},
            "role analyst is now called Analyst",
        ),
        ({"credentials": ()}, "credential okta is no longer accepted"),
        (
            {"credentials": (*OKTA.credentials, BearerCredential(name="app", access=Access.READ))},
            "credential app is accepted (access Read)",
        ),
        (
            {"credentials": (BearerCredential(name="okta", access=Access.SELF, user_name="ann"),)},
            "credential okta has access Self as user ann, never expires",
        ),
        (
            {"credentials": (BearerCredential(name="okta", expires_at=datetime(2027, 5, 1, tzinfo=UTC)),)},
            "credential okta has access Provision, expires 2027-05-01T00:00:00Z",
        ),
    ],
)
def test_settings_and_credentials(fields: dict[str, Any], said: str) -> None:
    assert changed(**fields) == [f"provisioningconfig acme/okta: {said}"]


def test_another_token_is_told_and_not_shown() -> None:
    after = bundle(OKTA, revision=2, **{"acme/okta/okta": "f" * 64})
    assert describe_changes(bundle(OKTA), after) == [
        "provisioningconfig acme/okta: credential okta has another token"
    ]


def test_schemas_come_change_and_go() -> None:
    def app(name: str) -> ExtensionSchema:
        return ExtensionSchema.model_validate(
            {"mapping": "acme/app", "id": "urn:acme:app", "attributes": [{"name": name}]}
        )

    before = OKTA.model_copy(update={"schemas": (app("a"),)})
    assert changed(schemas=(app("a"),)) == ["attributemapping acme/app: schema urn:acme:app is new"]
    for schemas, said in (((app("b"),), "has changed"), ((), "is gone")):
        after = bundle(OKTA.model_copy(update={"schemas": schemas}), revision=2)
        assert describe_changes(bundle(before), after) == [f"attributemapping acme/app: schema urn:acme:app {said}"]


def test_conformance_changes() -> None:
    assert changed(conformance=Conformance.STRICT) == [
        "provisioningconfig acme/okta: requests are now read in the way called Strict"
    ]


def test_what_is_declared_but_not_in_effect_is_not_called_gone() -> None:
    left_out = {
        ("rolemapping acme/okta-roles", "rule analysts"),
        ("attributemapping acme/okta-attributes", "team"),
    }
    after = bundle(OKTA.model_copy(update={"rules": (), "attributes": ()}), revision=2)
    assert describe_changes(bundle(OKTA), after, left_out) == [
        "rolemapping acme/okta-roles: rule analysts is no longer in effect",
        "attributemapping acme/okta-attributes: team is no longer in effect",
    ]
