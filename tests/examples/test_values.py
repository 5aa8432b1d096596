"""The chart takes the values of the examples, and makes of them what they promise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.folders import ROOT, objects_of
from tests.helm.build import HELM
from tests.helm.helm import Helm

PRODUCTION = ROOT / "examples/production/installation/values.yaml"
Rendered = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(HELM.built() / "helm", tmp_path_factory.mktemp("helm"))


def rendered(helm: Helm, values: Path) -> Rendered:
    documents = yaml.safe_load_all(helm.template(values=[values]))
    return {(item["kind"], item["metadata"]["name"]): item for item in documents if item}


def test_production(helm: Helm) -> None:
    made = rendered(helm, PRODUCTION)
    kinds = {kind for kind, _ in made}
    assert {
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "Ingress",
        "Certificate",
        "ServiceMonitor",
        "PodMonitor",
        "PrometheusRule",
    } <= kinds
    assert "PersistentVolumeClaim" not in kinds
    server = made["Deployment", "scim-scim-operator-server"]
    assert "replicas" not in server["spec"]
    assert made["HorizontalPodAutoscaler", "scim-scim-operator-server"]["spec"]["minReplicas"] == 3
    [container] = server["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.com/scim-server:")
    # Of the database that the file beside it makes.
    cluster = yaml.safe_load((PRODUCTION.parent / "database.yaml").read_text())
    assert f"{cluster['metadata']['name']}-app" in yaml.safe_dump(server)
    policies = yaml.safe_dump([item for (kind, _), item in made.items() if kind == "NetworkPolicy"])
    assert f"cnpg.io/cluster: {cluster['metadata']['name']}" in policies
    for namespace in ("ingress-nginx", "monitoring"):
        assert f"kubernetes.io/metadata.name: {namespace}" in policies


@pytest.mark.parametrize(("file", "kind"), [("argocd", "Application"), ("flux", "HelmRelease")])
def test_values_of_gitops_tools(file: str, kind: str, helm: Helm, tmp_path: Path) -> None:
    for values in _values_in(ROOT / "examples/gitops" / file, kind):
        written = tmp_path / "values.yaml"
        written.write_text(yaml.safe_dump(values))
        made = rendered(helm, written)
        assert made["Ingress", "scim-scim-operator-server"]["spec"]["rules"][0]["host"] == "scim.example.com"
        if kind == "Application":
            assert ("Secret", "scim-scim-operator-management") not in made
            assert "Certificate" in {kind for kind, _ in made}


def _values_in(folder: Path, kind: str) -> Iterator[dict[str, Any]]:
    for item in objects_of(folder):
        if item["kind"] == kind:
            spec = item["spec"]
            if "values" in spec:
                yield spec["values"]
            elif "helm" in spec["source"]:
                yield spec["source"]["helm"]["valuesObject"]
