"""Installed, upgraded and uninstalled by Helm on a real API server. Pods are the business of tests/cluster."""

import base64
import io
import ssl
import subprocess
import tarfile
from pathlib import Path

from cryptography import x509

from tests.control_plane.cluster import ControlPlane
from tests.helm.helm import CHART, Helm

ROOT = CHART.parents[1]


def _management(control_plane: ControlPlane, namespace: str) -> dict[str, str]:
    secret = control_plane.get("secret", "scim-scim-operator-management", "--namespace", namespace)
    data: dict[str, str] = secret["data"]
    return data


def _certificate(encoded: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(encoded))


def test_without_values(control_plane: ControlPlane, cluster_helm: Helm, namespace: str) -> None:
    # Other tests have applied the definitions themselves.
    installed = cluster_helm.run(
        "install", "scim", CHART, f"--namespace={namespace}", "--take-ownership", "--force-conflicts"
    )
    made = _management(control_plane, namespace)
    certificate = _certificate(made["tls.crt"])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert f"scim-scim-operator-server-management.{namespace}.svc" in names.get_values_for_type(x509.DNSName)
    certificate.verify_directly_issued_by(_certificate(made["ca.crt"]))
    ssl.create_default_context(cadata=base64.b64decode(made["ca.crt"]).decode())
    assert len(base64.b64decode(made["token"])) >= 40
    assert "on SQLite" in installed
    assert f"helm test scim --namespace {namespace}" in installed

    cluster_helm.run("upgrade", "scim", CHART, f"--namespace={namespace}")
    assert _management(control_plane, namespace) == made

    # A year later the certificate is renewed, by the authority that the operator knows.
    secret = ("secret", "scim-scim-operator-management", f"--namespace={namespace}")
    control_plane.kubectl("annotate", "--overwrite", *secret, "scim-operator.io/certificate-made=1700000000")
    cluster_helm.run("upgrade", "scim", CHART, f"--namespace={namespace}", "--force-conflicts")
    renewed = _management(control_plane, namespace)
    assert {key for key in renewed if renewed[key] != made[key]} == {"tls.crt", "tls.key"}
    _certificate(renewed["tls.crt"]).verify_directly_issued_by(_certificate(renewed["ca.crt"]))

    uninstalled = cluster_helm.run("uninstall", "scim", f"--namespace={namespace}")
    for kept in ("provisioningconfigs", "rolemappings", "attributemappings"):
        assert f"[CustomResourceDefinition] {kept}.scim-operator.io" in uninstalled
    assert "[PersistentVolumeClaim] scim-scim-operator-data" in uninstalled
    left = control_plane.get("deployments,services,persistentvolumeclaims,secrets", "--namespace", namespace)["items"]
    assert [item["kind"] for item in left] == ["PersistentVolumeClaim"]


def _chart_of_the_commit_before(directory: Path) -> Path:
    """This one's, where the commit before has no chart that installs, or isn't there: in a clone of one commit."""
    for commit in ("HEAD~1", "HEAD"):
        command = ["git", "archive", commit, "charts/scim-operator"]
        packed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        if packed.returncode == 0:
            with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
                archive.extractall(directory / commit, filter="data")
            chart = directory / commit / "charts" / "scim-operator"
            if (chart / "templates").is_dir():
                return chart
    return CHART


def test_upgraded_from_the_chart_of_the_commit_before(
    control_plane: ControlPlane, cluster_helm: Helm, namespace: str, tmp_path: Path
) -> None:
    place = f"--namespace={namespace}"
    before = _chart_of_the_commit_before(tmp_path)
    # Names of its own: cluster-wide roles of another test's release may be there.
    names = "--set=fullnameOverride=upgraded"
    cluster_helm.run("install", "scim", before, place, names, "--take-ownership", "--force-conflicts")
    secret = control_plane.get("secret", "upgraded-management", "--namespace", namespace)["data"]
    claim = control_plane.get("persistentvolumeclaim", "upgraded-data", "--namespace", namespace)["metadata"]["uid"]

    # What an administrator changes in between stays: a second token, say.
    tokens = base64.b64encode(base64.b64decode(secret["token"]) + b"\nanother-token").decode()
    patch = f'{{"data": {{"token": "{tokens}"}}}}'
    control_plane.kubectl("patch", "secret", "upgraded-management", "--namespace", namespace, "--patch", patch)

    cluster_helm.run("upgrade", "scim", CHART, place, names)
    assert control_plane.get("secret", "upgraded-management", "--namespace", namespace)["data"] == {
        **secret,
        "token": tokens,
    }
    claims = control_plane.get("persistentvolumeclaims", "--namespace", namespace)["items"]
    assert [each["metadata"]["uid"] for each in claims] == [claim]
    control_plane.kubectl("get", "customresourcedefinitions", "provisioningconfigs.scim-operator.io")
    cluster_helm.run("uninstall", "scim", place)
