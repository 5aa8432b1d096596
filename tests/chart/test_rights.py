"""An operator that serves some namespaces has what it needs with the rights that the chart gives it there."""

import secrets
from pathlib import Path

import pytest

from tests.control_plane.cluster import ControlPlane
from tests.control_plane.kubectl import KubectlError
from tests.e2e.manifests import provisioning_config, role_mapping, rule, token_secret
from tests.e2e.processes import Program
from tests.helm.helm import CHART, Helm
from tests.support.processes import free_port


def test_an_operator_of_one_namespace(
    control_plane: ControlPlane, cluster_helm: Helm, namespace: str, tmp_path: Path
) -> None:
    served, not_served = (control_plane.create_namespace() for _ in range(2))
    values = f"--set=fullnameOverride=some,operator.namespaces={{{served}}}"
    options = (f"--namespace={namespace}", values, "--take-ownership", "--force-conflicts")
    cluster_helm.run("install", "some", CHART, *options)
    (tmp_path / "token").write_text(secrets.token_urlsafe(32))
    kubeconfig = control_plane.service_account_kubeconfig(namespace, "some")
    operator = Program(
        [
            "scim-operator",
            "run",
            f"--kubeconfig={kubeconfig}",
            f"--namespace={served}",
            f"--config-namespace={namespace}",
            "--config-name=some-config",
            "--secret-name=some-secrets",
            f"--server-service={namespace}/some-server-management",
            f"--management-token-file={tmp_path / 'token'}",
            "--insecure-management",
            f"--liveness-port={free_port()}",
        ],
        tmp_path / "operator.log",
    )
    operator.start()
    try:
        for place in (served, not_served):
            mapping = role_mapping(place, "roles", rule("admins", "Admins", "admin"))
            tokens = [token_secret(place, f"okta-{name}", secrets.token_urlsafe(32)) for name in ("scim", "read")]
            control_plane.apply(*tokens, provisioning_config(place), mapping)
        # No server is there, so nothing becomes Ready: that the mapping is accepted tells that all of it was read.
        accepted = ("--for=condition=Accepted", "--timeout=60s", "rolemapping/roles", f"--namespace={served}")
        control_plane.kubectl("wait", *accepted)
        names = {
            item["metadata"]["name"]
            for kind in ("configmaps", "secrets")
            for item in control_plane.get(kind, f"--namespace={namespace}")["items"]
        }
        assert {f"some-config-{shard:02d}" for shard in range(16)} <= names
        assert {f"some-secrets-{shard:02d}" for shard in range(16)} | {"some-config-index"} <= names
        other = control_plane.get("rolemapping", "roles", f"--namespace={not_served}")
        assert other["status"]["observedGeneration"] == -1, "nobody has seen it"
        assert "permitted" not in operator.log.read_text()
        assert "forbidden" not in operator.log.read_text()
    finally:
        operator.kill()
    with pytest.raises(KubectlError, match="forbidden"):
        control_plane.kubectl("get", "secrets", f"--namespace={not_served}", kubeconfig=kubeconfig)
    with pytest.raises(KubectlError, match="forbidden"):
        control_plane.kubectl("get", "secrets", f"--namespace={namespace}", kubeconfig=kubeconfig)
    for place in (served, not_served):  # another test's operator serves all namespaces
        control_plane.kubectl("delete", "provisioningconfigs,rolemappings", "--all", f"--namespace={place}")
    cluster_helm.run("uninstall", "some", f"--namespace={namespace}")
