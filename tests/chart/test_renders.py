"""Each render is what an API server takes, to the letter, in a namespace with Pod Security `restricted`."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from scim_operator.cli import app as operator_app
from scim_server.cli import app as server_app
from tests.chart.definitions.build import DEFINITIONS
from tests.chart.generate import CASES, GOLDEN, namespace_of
from tests.control_plane.cluster import ControlPlane
from tests.control_plane.kubectl import KubectlError
from tests.helm.helm import CHART, Helm

Object = dict[str, Any]

RENDERS = {case.name: (GOLDEN / case.name).read_text(encoding="utf-8") for case in CASES}
"""test_generated.py makes sure that Helm makes them."""

_RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
_MORE_NAMESPACES = ("team-a", "team-b")
"""Those of cert-manager.yaml and given-issuer.yaml."""


@pytest.fixture(scope="module")
def namespaces(control_plane: ControlPlane) -> None:
    """Where each case renders to, and the kinds of other projects."""
    names = [namespace_of(case) for case in CASES]
    manifests = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
    more = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in _MORE_NAMESPACES]
    control_plane.apply(*manifests, *more)
    control_plane.kubectl("label", "namespace", *names, _RESTRICTED)
    files = [f"--filename={DEFINITIONS.built() / name}" for name in DEFINITIONS.commands]
    control_plane.kubectl("apply", "--server-side", *files)
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", *files)


def objects_of(text: str) -> Iterator[Object]:
    return (document for document in yaml.safe_load_all(text) if document)


@pytest.mark.usefixtures("namespaces")
def test_the_api_server_takes_every_field(control_plane: ControlPlane) -> None:
    everything = "\n---\n".join(RENDERS.values())
    taken = control_plane.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-", stdin=everything
    )
    assert len(taken.splitlines()) == len(list(objects_of(everything)))


@pytest.mark.usefixtures("namespaces")
def test_an_unknown_field_would_be_refused(control_plane: ControlPlane) -> None:
    production = RENDERS["production.yaml"]
    for known, unknown in (("minReplicas:", "minimumReplicas:"), ("podMetricsEndpoints:", "podEndpoints:")):
        assert known in production
        with pytest.raises(KubectlError, match=r"not declared|unknown field|required"):
            control_plane.kubectl(
                "apply",
                "--server-side",
                "--dry-run=server",
                "--validate=strict",
                "--filename=-",
                stdin=production.replace(known, unknown),
            )


@pytest.mark.usefixtures("namespaces")
def test_pods_are_restricted(control_plane: ControlPlane) -> None:
    """The API server itself would make no such pod: so it is asked for those of the Deployments."""
    pods = [pod for text in RENDERS.values() for item in objects_of(text) if (pod := _pod_of(item))]
    assert len(pods) == 3 * len(CASES), "operator, server and `helm test`"
    control_plane.kubectl(
        "create", "--dry-run=server", "--filename=-", stdin="\n---\n".join(json.dumps(pod) for pod in pods)
    )
    careless = pods[0]
    del careless["spec"]["containers"][0]["securityContext"]
    with pytest.raises(KubectlError, match='violates PodSecurity "restricted'):
        control_plane.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(careless))


def _pod_of(item: Object) -> Object | None:
    if item["kind"] == "Pod":
        return item
    if item["kind"] != "Deployment":
        return None
    metadata = {"name": item["metadata"]["name"], "namespace": item["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": item["spec"]["template"]["spec"]}


@pytest.mark.parametrize("program", ["server", "operator"])
def test_the_programs_know_their_environment(program: str) -> None:
    """A variable that no option has would have no effect, and nobody would say so."""
    shown = (
        CliRunner().invoke(server_app, ["--help"])
        if program == "server"
        else CliRunner().invoke(operator_app, ["run", "--help"])
    )
    known = set(re.findall(r"env\s+var:\s+(SCIM_\w+)", shown.output))
    used = {
        variable["name"]
        for text in RENDERS.values()
        for item in objects_of(text)
        if item["kind"] == "Deployment" and item["metadata"]["labels"]["app.kubernetes.io/component"] == program
        for variable in item["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"].startswith("SCIM_")
    }
    assert used
    assert used <= known


def test_the_definitions_are_those_of_the_repository(helm: Helm) -> None:
    rendered = {
        item["metadata"]["name"]: item for item in objects_of(helm.template("--show-only=templates/crds.yaml"))
    }
    files = sorted((CHART.parents[1] / "crds").glob("*.yaml"))
    assert len(rendered) == len(files)
    for file in files:
        definition = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert rendered[definition["metadata"]["name"]]["spec"] == definition["spec"]
    assert "helm.sh/resource-policy" not in helm.template("--show-only=templates/crds.yaml", "--set=crds.keep=false")


def test_selectors_find_what_they_are_for() -> None:
    """Services, budgets, NetworkPolicies and monitors select by labels that are written elsewhere."""
    for name, text in RENDERS.items():
        items = list(objects_of(text))
        pods = [item["spec"]["template"]["metadata"]["labels"] for item in items if item["kind"] == "Deployment"]
        services = [item["metadata"]["labels"] for item in items if item["kind"] == "Service"]
        for item in items:
            spec = item.get("spec", {})
            selector = {
                "Service": lambda spec: spec["selector"],
                "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
                "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
                "PodMonitor": lambda spec: spec["selector"]["matchLabels"],
                "ServiceMonitor": lambda spec: spec["selector"]["matchLabels"],
            }.get(item["kind"])
            if selector is None:
                continue
            wanted = selector(spec)
            among = services if item["kind"] == "ServiceMonitor" else pods
            found = [labels for labels in among if wanted.items() <= labels.items()]
            assert len(found) == 1, (name, item["kind"], item["metadata"]["name"])


def test_another_database_starts_all_servers_anew_and_another_password_none(helm: Helm) -> None:
    """Else half of the servers would work on the one database and half on the other."""

    def pod(url: str) -> Object:
        text = helm.template("--show-only=templates/server/deployment.yaml", f"--set-string=database.url={url}")
        (deployment,) = objects_of(text)
        template: Object = deployment["spec"]["template"]
        return template

    now = pod("postgresql://scim:old@db-0\\,db-1:5433/scim")
    assert pod("postgresql://scim:new@db-0\\,db-1:5433/scim") == now
    assert pod("postgresql://scim:old@db-2/scim") != now
