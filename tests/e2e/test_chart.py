"""The chart on a cluster with nodes: installed, upgraded under load, crashed and uninstalled."""

import os
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.installed import Tenant
from tests.e2e.manifests import role_mapping, rule
from tests.e2e.provider import ScimClient
from tests.e2e.release import NAMESPACE, RELEASE, SERVER, Release, image_values
from tests.examples.folders import CONNECTIONS, OUR_KINDS, objects_of
from tests.helm.helm import CHART
from tests.providers.scenario import play, read, scenarios
from tests.support.serving import CATALOGUE

_PROVIDERS = Path(__file__).parents[1] / "providers"
_LEAST_REQUESTS = 5_000


def with_admin(release: Release, namespace: str) -> tuple[Tenant, str]:
    """A tenant whose one user is in the group Admins, which gives the role admin."""
    tenant = release.tenant(namespace)
    tenant.apply(role_mapping(namespace, "roles", rule("admins", "Admins", "admin")))
    provider = ScimClient(release.through_service(), tenant.key, f"Bearer {tenant.token}")
    user = provider.create_user("ada@example.com")
    provider.create_group("Admins", user)
    return tenant, user


def test_a_release_without_values_serves_and_leaves_its_data(release: Release, namespace: str) -> None:
    """Of values it gets those that say where the images are."""
    release.uninstall()
    service = release.through_service()
    tenant = release.tenant(namespace)
    began = time.monotonic()
    release.install(image_values(release.tag))
    installed = time.monotonic()
    tenant.apply()
    provider = ScimClient(service, tenant.key, f"Bearer {tenant.token}")
    user = provider.create_user("ada@example.com")
    print(
        f"\nfrom helm install to the first user created over SCIM: {time.monotonic() - began:.1f} s,"
        f" of which helm install --wait took {installed - began:.1f} s"
    )
    print(release.helm("test", RELEASE, f"--namespace={NAMESPACE}"))

    release.uninstall()
    kinds = {item["metadata"]["name"] for item in release.cluster.get("crds")["items"]}
    assert "provisioningconfigs.scim-operator.io" in kinds
    release.cluster.kubectl("get", "provisioningconfig", tenant.name, "-n", namespace)

    release.install(image_values(release.tag))
    release.wait_programmed(tenant.config)
    release.wait_until(lambda: provider.status() == 200, "the token works again")
    assert provider.user(user)["userName"] == "ada@example.com"
    release.uninstall()


def test_an_upgrade_under_load_fails_no_request(release: Release, namespace: str) -> None:
    """From an earlier commit's images and chart to this one's, and then all pods anew once more."""
    release.uninstall()
    earlier = os.environ.get("E2E_PREVIOUS")
    if earlier is None:
        release.install(release.with_postgresql())
    else:
        release.install(release.with_postgresql("previous"), Path(earlier) / CHART.relative_to(CHART.parents[1]))
    tenant, user = with_admin(release, namespace)
    before = release.server_pods()
    release.helpers.start_load(f"/{tenant.key}/scim/v2", tenant.token)
    began = time.monotonic()
    release.install(release.with_postgresql())
    release.cluster.kubectl("rollout", "restart", f"deployment/{SERVER}", f"--namespace={NAMESPACE}")
    release.wait_rolled_out()
    took = time.monotonic() - began
    load = release.helpers.stop_load()
    figures = f"{load['requests']} requests, {len(load['failures'])} failed"
    print(f"\nupgrade and restart of all servers in {took:.0f} s: {figures}")
    assert load["failures"] == []
    assert load["requests"] >= _LEAST_REQUESTS

    after = release.server_pods()
    assert not {pod["metadata"]["name"] for pod in before} & {pod["metadata"]["name"] for pod in after}
    assert {pod["spec"]["containers"][0]["image"] for pod in after} == {f"localhost/scim-server:{release.tag}"}
    release.wait_roles(tenant, user, {"viewer", "admin"}, "the user keeps the roles")
    reader = tenant.application()
    assert len(reader.user_names()) == load["users"] + 1


@pytest.mark.parametrize("provider", ["okta", "entra_id"])
async def test_a_provider_through_the_service(release: Release, namespace: str, provider: str) -> None:
    """All that is known of what it sends, each scenario at a tenant of its own."""
    release.require()
    service = release.through_service()
    chosen = [path for path in scenarios(_PROVIDERS) if path.parent.name == provider]
    assert len(chosen) > 3
    roles = [{"name": role, "permissions": list(permissions)} for role, permissions in CATALOGUE.items()]
    tenants = [release.tenant(namespace, path.stem.replace("_", "-"), roles=roles) for path in chosen]
    for tenant in tenants:
        analysts = {"name": "analysts", "groups": [{"externalId": "00g-analysts"}], "roles": ["analyst"]}
        rules = (rule("admins", "App Admins", "admin"), analysts)
        tenant.apply(role_mapping(namespace, tenant.name, *rules, config={"name": tenant.name}))
    for path, tenant in zip(chosen, tenants, strict=True):
        url = f"{service}/{tenant.key}/scim/v2"
        async with (
            httpx.AsyncClient(base_url=url, headers=bearer(tenant.token), timeout=30) as sender,
            httpx.AsyncClient(base_url=url, headers=bearer(tenant.read_token), timeout=30) as application,
        ):
            await play(read(path), sender, application)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_every_example_becomes_ready(release: Release) -> None:
    release.require()
    for folder in CONNECTIONS:
        for namespace in sorted({item["metadata"].get("namespace", "default") for item in objects_of(folder)}):
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            release.cluster.apply(made)
        release.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", folder)
    release.cluster.kubectl(
        "wait", OUR_KINDS, "--all", "--all-namespaces", "--for=condition=Ready", "--timeout=120s", seconds=150
    )


def test_a_server_starts_from_its_files_while_the_operator_is_away(release: Release, namespace: str) -> None:
    release.require()
    tenant, user = with_admin(release, namespace)
    operator = (f"deployment/{RELEASE}-operator", f"--namespace={NAMESPACE}")
    release.cluster.kubectl("scale", *operator, "--replicas=0")
    release.wait_pods_gone("operator")
    try:
        before = {pod["metadata"]["name"] for pod in release.server_pods()}
        release.cluster.kubectl("delete", "pod", *before, f"--namespace={NAMESPACE}", "--wait=false")
        release.wait_rolled_out("server")
        assert not before & {pod["metadata"]["name"] for pod in release.server_pods()}
        release.wait_roles(tenant, user, {"viewer", "admin"}, "both new servers know the tenant")
    finally:
        release.cluster.kubectl("scale", *operator, "--replicas=1")
        release.wait_rolled_out()


def test_what_was_acknowledged_outlives_a_crash_of_every_pod(release: Release, namespace: str) -> None:
    release.require()
    tenant, user = with_admin(release, namespace)
    crash = os.environ.get("E2E_CRASH")
    if crash is not None:  # the node's own doing: the kubelet starts the containers again
        subprocess.run([crash, NAMESPACE], check=True, capture_output=True)
    else:
        pods = ("pods", "--all", f"--namespace={NAMESPACE}")
        release.cluster.kubectl("delete", *pods, "--grace-period=0", "--force")
    release.close(NAMESPACE)
    release.wait_rolled_out()
    release.wait_until(lambda: release.answers(tenant), "the servers are back", seconds=120)
    release.wait_roles(tenant, user, {"viewer", "admin"}, "the roles are as before")
    release.cluster.apply(role_mapping(namespace, "roles", rule("admins", "Admins", "analyst")))
    release.wait_roles(tenant, user, {"viewer", "analyst"}, "the operator works as before")
