from datetime import UTC, datetime

from scim_operator.api import ObjectKey, ProvisioningConfig
from scim_operator.plan import secret_refs
from scim_server.config import Access, BearerCredential, Deprovisioning, OnDeletion, Role, Tenant, token_digest
from tests.scim_operator.objects import config, config_object, role_mapping, rule
from tests.scim_operator.plan.inputs import OKTA, SECRETS, TOKEN, TOKEN_KEY, again, granted, inputs, plan

DELETED = Tenant(
    namespace="acme",
    name="okta",
    deleted=True,
    on_deletion=OnDeletion.ERASE,
    deprovisioning=Deprovisioning(retention_seconds=3600),
)


def test_a_config_becomes_a_tenant() -> None:
    planned = plan(
        config=config(
            displayName="Acme workforce",
            provider="Okta",
            authentication={
                "bearerTokens": [
                    {
                        "name": "2026-11",
                        "secretRef": {"name": "okta-scim", "key": "token"},
                        "expiresAt": "2027-05-01T00:00:00Z",
                        "access": "Read",
                    }
                ]
            },
            roles=[
                {"name": "viewer", "permissions": ["b", "a", "b"]},
                {"name": "admin", "displayName": "Administrator"},
            ],
            baseRoles=["viewer"],
            fallbackRoles=["viewer", "admin"],
            deprovisioning={"deactivationDelay": "1h"},
        )
    )

    assert planned.tenant == Tenant(
        namespace="acme",
        name="okta",
        display_name="Acme workforce",
        provider="Okta",
        credentials=(
            BearerCredential(name="2026-11", access=Access.READ, expires_at=datetime(2027, 5, 1, tzinfo=UTC)),
        ),
        roles=(Role(name="admin", display_name="Administrator"), Role(name="viewer", permissions=("a", "b"))),
        base_roles=("viewer",),
        fallback_roles=("admin", "viewer"),
        deprovisioning=Deprovisioning(deactivation_delay_seconds=3600),
    )
    assert planned.digests == {"acme/okta/2026-11": token_digest(TOKEN, TOKEN_KEY)}
    assert planned.config_verdict is not None
    assert planned.config_verdict.resolved_refs.is_true
    assert not planned.config_verdict.stalled.is_true


def test_a_config_that_was_never_there_is_no_tenant() -> None:
    planned = plan(config=None)

    assert planned.tenant is None
    assert planned.digests == {}
    assert planned.config_verdict is None


def test_of_a_deleted_config_its_name_stays_and_what_becomes_of_its_users_until_that_is_noted() -> None:
    before = plan(config=config(onDeletion="Erase", deprovisioning={"retention": "1h"}))

    planned = plan(config=None, previous=before.tenant, previous_digests=before.digests)

    assert planned.tenant == DELETED
    assert planned.digests == {}
    assert planned.config_verdict is None
    assert plan(config=None, previous=DELETED).tenant == DELETED
    assert plan(config=None, previous=DELETED, departure_noted=True).tenant is None
    # Of an earlier deletion:
    assert plan(config=None, previous=before.tenant, departure_noted=True).tenant == DELETED


def test_a_new_config_of_a_deleted_ones_name_starts_afresh() -> None:
    assert plan(config=config(), previous=DELETED).tenant == plan(config=config()).tenant
    for unusable in (config(suspend=True), config(baseRoles=["nobody"])):
        assert plan(config=unusable, previous=DELETED).tenant == DELETED
    assert plan(config=None, invalid="spec.roles: a list is expected", previous=DELETED).tenant == DELETED


def test_the_object_is_told_from_others_of_its_name() -> None:
    raw = config_object()
    raw["metadata"]["uid"] = "0c1d"
    tenant = plan(config=ProvisioningConfig.from_object(raw)).tenant
    assert tenant is not None
    assert tenant.uid == "0c1d"


def test_a_replaced_config_leaves_nothing_to_the_next_of_its_name() -> None:
    """Deleted and made again before anybody saw that it was gone."""
    raw = config_object()
    raw["metadata"]["uid"] = "0c1d"
    mapping = role_mapping("m", rule("admins", "Admins", "admin"))
    before = plan(mapping, config=ProvisioningConfig.from_object(raw))
    assert before.tenant is not None
    assert before.digests
    remains = again(before, config=None).tenant
    assert remains is not None
    assert remains.deleted
    for unusable in (
        {"config": config(suspend=True)},
        {"config": config(baseRoles=["nobody"])},
        {"config": None, "invalid": "spec.roles: a list is expected"},
    ):
        replaced = again(before, mapping, **unusable, uid="2e3f")
        assert replaced.tenant == remains
        assert not replaced.digests
        assert again(before, mapping, **unusable, uid="0c1d").tenant != remains
    typo = role_mapping("m", rule("admins", "Admins", "admim"))
    assert granted(again(before, typo, uid="0c1d"))
    assert not granted(again(before, typo, uid="2e3f"))


def test_a_config_that_is_being_deleted_is_no_tenant_though_finalizers_hold_it() -> None:
    raw = config_object()
    raw["metadata"]["deletionTimestamp"] = "2026-11-05T12:00:00Z"

    planned = plan(config=ProvisioningConfig.from_object(raw), previous=plan().tenant)
    assert planned.tenant is not None
    assert planned.tenant.deleted


def test_a_base_role_outside_the_catalogue_stalls_and_the_settings_before_it_stay() -> None:
    before = plan(config=config(displayName="before", baseRoles=["viewer"]))

    planned = plan(
        config=config(displayName="after", roles=[{"name": "admin"}], baseRoles=["viewer"], fallbackRoles=["guest"]),
        previous=before.tenant,
        previous_digests=before.digests,
    )

    assert planned.tenant == before.tenant
    assert planned.digests == before.digests
    assert planned.config_verdict is not None
    stalled = planned.config_verdict.stalled
    assert (stalled.type, stalled.status, stalled.reason) == ("Stalled", "True", "InvalidSpec")
    assert 'spec.baseRoles[0]: role "viewer" is not in the catalogue of acme/okta' in stalled.message
    assert 'spec.fallbackRoles[0]: role "guest" is not in the catalogue of acme/okta' in stalled.message


def test_a_stalled_config_that_was_never_delivered_is_no_tenant() -> None:
    planned = plan(config=config(baseRoles=["nobody"]))

    assert planned.tenant is None
    assert planned.config_verdict is not None
    assert planned.config_verdict.stalled.is_true


def test_a_deleted_secret_revokes_its_token_though_the_config_is_stalled() -> None:
    before = plan()

    planned = plan(
        config=config(baseRoles=["nobody"]), secrets={}, previous=before.tenant, previous_digests=before.digests
    )

    assert planned.tenant is not None
    assert planned.tenant.credentials == ()
    assert planned.digests == {}


def test_a_config_that_does_not_parse_keeps_what_is_delivered() -> None:
    before = plan(config=config(displayName="before"))

    planned = plan(
        config=None,
        invalid="spec.provider: Okta is expected",
        secrets={},
        previous=before.tenant,
        previous_digests={**before.digests, "acme/other/x": "0" * 64},
    )

    assert planned.tenant == before.tenant
    assert planned.digests == before.digests
    assert planned.config_verdict is not None
    assert planned.config_verdict.stalled.message == "spec.provider: Okta is expected"
    assert planned.config_verdict.resolved_refs.status == "Unknown"


def test_a_suspended_config_keeps_exactly_what_is_delivered_and_nothing_is_said() -> None:
    before = plan(config=config(displayName="before"))

    planned = plan(
        config=config(suspend=True, displayName="after"),
        secrets={},
        previous=before.tenant,
        previous_digests={**before.digests, "acme/other/x": "0" * 64},
    )

    assert planned.tenant == before.tenant
    assert planned.digests == before.digests
    assert planned.config_verdict is None
    assert planned.mapping_verdicts == {}


def test_a_config_that_begins_suspended_is_not_served() -> None:
    assert plan(config=config(suspend=True)).tenant is None


def test_the_secrets_of_a_config_are_in_its_own_namespace() -> None:
    tokens = [{"name": name, "secretRef": {"name": secret}} for name, secret in (("a", "x"), ("b", "y"), ("c", "x"))]

    assert secret_refs(config(authentication={"bearerTokens": tokens})) == {
        ObjectKey("acme", "x"),
        ObjectKey("acme", "y"),
    }


def test_neither_token_nor_key_is_shown_by_repr() -> None:
    assert TOKEN.decode() not in repr(plan())
    assert str(TOKEN_KEY) not in repr(inputs())
    assert SECRETS[ObjectKey(OKTA.namespace, "okta-scim")]["token"].decode() not in repr(plan())
