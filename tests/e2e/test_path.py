"""From kubectl apply to users with roles, on both replicas."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.installed import Installed, seed
from tests.e2e.manifests import attribute_mapping, role_mapping, rule


@pytest.mark.parametrize("attempt", range(3))
def test_any_order_of_application_converges(installation: Installed, namespace: str, attempt: int) -> None:
    tenant = installation.tenant(namespace)
    roles = role_mapping(namespace, "roles", rule("admins", "Admins", "admin"))
    profile = attribute_mapping(
        namespace, "profile", {"target": "city", "path": "addresses.locality", "default": "?"}
    )
    objects = [*tenant.objects, roles, profile]
    chosen = seed() + attempt
    random.Random(chosen).shuffle(objects)
    print(f"seed {chosen}: {[item['kind'] for item in objects]}")
    for item in objects:
        installation.cluster.apply(item)
    installation.wait_programmed(roles, profile)
    # Not Programmed alone: without the Secrets the config is programmed, too, but nobody can use it.
    installation.wait_for("provisioningconfigs", namespace, "okta", "Ready", "True")
    for server in (0, 1):
        assert tenant.provider(server).status() == 200

    def status() -> dict[str, Any]:
        found = installation.reader.get("provisioningconfigs", namespace, "okta")
        return found["status"] if found is not None else {}

    installation.wait_until(lambda: status().get("mappings") == 2, "both mappings are counted")  # written in parallel
    assert status()["endpoint"] == f"https://scim.example.com/{namespace}/okta/scim/v2"
    assert {item["name"] for item in status()["credentials"]} == {"provider", "reader"}


def test_users_and_groups_have_the_right_roles_on_both_replicas(installation: Installed, namespace: str) -> None:
    tenant = installation.tenant(namespace)
    tenant.apply(
        role_mapping(
            namespace,
            "roles",
            rule("admins", "Admins", "admin"),
            {"name": "analysts", "groups": [{"externalId": "g-analysts"}], "roles": ["analyst"]},
            {"name": "audit", "groups": [{"displayNamePattern": "Audit .*"}], "roles": ["auditor"]},
        ),
        attribute_mapping(
            namespace,
            "profile",
            {"target": "team", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"},
            {"target": "plan", "default": "standard"},
        ),
    )
    first, second = tenant.provider(0), tenant.provider(1)
    department = {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Research"}}
    ada = first.create_user("ada@example.com", **department)
    bob = second.create_user("bob@example.com")
    eve = first.create_user("eve@example.com")
    first.create_group("Admins", ada)
    analysts = second.create_group("People who analyse", ada, external_id="g-analysts")
    first.create_group("Audit EMEA", bob)
    for application in tenant.applications():
        assert application.roles(ada) == {"viewer", "admin", "analyst"}
        assert application.roles(bob) == {"viewer", "auditor"}
        assert application.roles(eve) == {"viewer", "guest"}
        assert set(application.effective(ada)["permissions"]) == {"users:write", "alerts:write", "alerts:read"}
        assert application.effective(ada)["profile"]["team"] == "Research"
        assert application.effective(eve)["profile"]["plan"] == "standard"
        (reason,) = next(role["reasons"] for role in application.effective(ada)["roles"] if role["value"] == "admin")
        assert (reason["mapping"], reason["rule"], reason["group"]) == (f"{namespace}/roles", "admins", "Admins")
    second.remove_member(analysts, ada)
    first.set_active(bob, False)
    for application in tenant.applications():
        assert application.roles(ada) == {"viewer", "admin"}
        assert application.roles(bob) == set()


def test_counters_reach_the_status(installation: Installed, namespace: str) -> None:
    tenant = installation.tenant(namespace)
    tenant.apply()
    provider = tenant.provider()
    provider.create_group(
        "Everyone", provider.create_user("one@example.com"), provider.create_user("two@example.com")
    )

    def counted() -> bool:
        found = installation.reader.get("provisioningconfigs", namespace, "okta")
        return found is not None and found["status"].get("users", {}).get("active") == 2

    installation.wait_until(counted, "two active users in the status")
    found = installation.reader.get("provisioningconfigs", namespace, "okta")
    assert found is not None
    assert found["status"]["groups"] == 1
    assert found["status"]["lastSyncTime"] <= found["status"]["lastContactTime"]
    used = {item["name"]: item.get("lastUsedTime") for item in found["status"]["credentials"]}
    assert used == {"provider": found["status"]["lastContactTime"], "reader": None}


def test_what_users_wrote_stays_as_they_wrote_it(installation: Installed, namespace: str) -> None:
    tenant = installation.tenant(namespace)
    mapping = role_mapping(namespace, "roles", rule("admins", "Admins", "admin"))
    tenant.config["metadata"] |= {"annotations": {"team": "a"}, "labels": {"app.kubernetes.io/instance": "argo"}}
    tenant.apply(mapping)
    installation.wait_for("provisioningconfigs", namespace, "okta", "Ready", "True")
    for plural, name in (("provisioningconfigs", "okta"), ("rolemappings", "roles")):
        found = installation.cluster.get("--show-managed-fields", plural, name, "-n", namespace)
        assert "finalizers" not in found["metadata"]
        for entry in found["metadata"]["managedFields"]:
            if entry["manager"] == "scim-operator":
                assert entry["subresource"] == "status"
                assert set(entry["fieldsV1"]) == {"f:status"}
        assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {
            "kubectl-client-side-apply",
            "scim-operator",
        }
        assert set(found["metadata"].get("annotations", {})) <= {
            "team",
            "kubectl.kubernetes.io/last-applied-configuration",
        }
    secret = installation.cluster.get("--show-managed-fields", "secrets", "okta-scim", "-n", namespace)
    assert {entry["manager"] for entry in secret["metadata"]["managedFields"]} == {"kubectl-client-side-apply"}


def test_a_deleted_config_is_not_served_any_more(installation: Installed, new_namespace: Callable[[], str]) -> None:
    namespace = new_namespace()
    tenant = installation.tenant(namespace)
    tenant.apply()
    installation.cluster.kubectl("delete", "provisioningconfig", "okta", "-n", namespace)
    for server in (0, 1):
        installation.wait_answer(tenant.provider(server), 401, "the tenant is gone")
