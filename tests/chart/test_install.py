"""Installed, upgraded and uninstalled by Helm on a real API server. Pods are the business of tests/cluster."""

import base64
import ssl

from cryptography import x509

from tests.control_plane.cluster import ControlPlane
from tests.helm.helm import CHART, Helm


def _management(control_plane: ControlPlane, namespace: str) -> dict[str, str]:
    secret = control_plane.get("secret", "scim-scim-operator-management", "--namespace", namespace)
    data: dict[str, str] = secret["data"]
    return data


def test_without_values(control_plane: ControlPlane, cluster_helm: Helm, namespace: str) -> None:
    # Other tests have applied the definitions themselves.
    installed = cluster_helm.run("install", "scim", CHART, f"--namespace={namespace}", "--take-ownership")
    made = _management(control_plane, namespace)
    certificate = x509.load_pem_x509_certificate(base64.b64decode(made["tls.crt"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert f"scim-scim-operator-server-management.{namespace}.svc" in names.get_values_for_type(x509.DNSName)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(base64.b64decode(made["ca.crt"])))
    ssl.create_default_context(cadata=base64.b64decode(made["ca.crt"]).decode())
    assert len(base64.b64decode(made["token"])) >= 40
    assert "on SQLite" in installed
    assert f"helm test scim --namespace {namespace}" in installed

    cluster_helm.run("upgrade", "scim", CHART, f"--namespace={namespace}")
    assert _management(control_plane, namespace) == made

    uninstalled = cluster_helm.run("uninstall", "scim", f"--namespace={namespace}")
    for kept in ("provisioningconfigs", "rolemappings", "attributemappings"):
        assert f"[CustomResourceDefinition] {kept}.scim-operator.io" in uninstalled
    assert "[PersistentVolumeClaim] scim-scim-operator-data" in uninstalled
    left = control_plane.get("deployments,services,persistentvolumeclaims,secrets", "--namespace", namespace)["items"]
    assert [item["kind"] for item in left] == ["PersistentVolumeClaim"]
