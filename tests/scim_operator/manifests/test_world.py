from scim_operator.api import ObjectKey
from scim_operator.manifests import plan_world
from tests.scim_operator.manifests.reading import ATTRIBUTE_MAPPING, CONFIG, ROLE_MAPPING, SECRET, read

KEY = bytes(range(32))
OKTA = ObjectKey("acme", "okta")


def test_a_world_becomes_one_bundle() -> None:
    second = CONFIG.replace("name: okta, namespace", "name: entra, namespace")

    planned = plan_world(read(CONFIG, second, SECRET, ROLE_MAPPING, ATTRIBUTE_MAPPING).world, KEY)
    bundle = planned.bundle(KEY, 3)

    assert bundle.revision == 3
    assert [tenant.key for tenant in bundle.config.tenants] == ["acme/entra", "acme/okta"]
    assert [len(tenant.rules) for tenant in bundle.config.tenants] == [0, 1]
    assert set(bundle.secrets.digests) == {"acme/entra/okta", "acme/okta/okta"}


def test_a_config_that_is_only_named_has_a_plan_with_verdicts_and_no_tenant() -> None:
    planned = plan_world(read(ROLE_MAPPING).world, KEY)

    assert planned.bundle(KEY, 1).config.tenants == ()
    [verdict] = planned.plans[OKTA].mapping_verdicts.values()
    assert verdict.reason == "ConfigNotFound"


def test_a_suspended_config_keeps_its_part_of_what_is_delivered() -> None:
    before = plan_world(read(CONFIG, SECRET, ROLE_MAPPING).world, KEY).bundle(KEY, 1)

    suspended = read(CONFIG + "  suspend: true\n  displayName: after\n")
    after = plan_world(suspended.world, KEY, previous=before).bundle(KEY, 2)

    assert after.config.tenants == before.config.tenants
    assert after.secrets.digests == before.secrets.digests


def test_a_mapping_is_planned_only_with_the_config_that_it_names() -> None:
    second = CONFIG.replace("name: okta, namespace", "name: entra, namespace")

    planned = plan_world(read(CONFIG, second, SECRET, ROLE_MAPPING).world, KEY)

    assert planned.plans[ObjectKey("acme", "entra")].mapping_verdicts == {}
    assert set(planned.plans[OKTA].mapping_verdicts) == {("RoleMapping", ObjectKey("acme", "roles"))}
