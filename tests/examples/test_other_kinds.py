"""What the examples for Argo CD, Flux and CloudNativePG say is accepted by those projects' own definitions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.control_plane.cluster import ControlPlane
from tests.control_plane.kubectl import KubectlError
from tests.examples.definitions.build import DEFINITIONS
from tests.examples.folders import CONNECTIONS, ROOT, objects_of

GITOPS = ROOT / "examples/gitops"
PRODUCTION = ROOT / "examples/production/installation"
FILES = [*sorted(GITOPS.rglob("*.yaml")), PRODUCTION / "namespace.yaml", PRODUCTION / "database.yaml"]
DRY_RUN = ("apply", "--server-side", "--validate=strict", "--dry-run=server")
NAMESPACES = ("argocd", "flux-system", "scim-system")


@pytest.fixture(scope="module")
def with_their_kinds(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """They go again: other tests count the definitions that are there."""
    folder = DEFINITIONS.built()
    # Server-side: they are too large for what client-side apply notes down of them.
    control_plane.kubectl("apply", "--server-side", "-f", folder)
    control_plane.kubectl("wait", "--for=condition=Established", "-f", folder, "--timeout=60s")
    existing = {namespace["metadata"]["name"] for namespace in control_plane.get("namespaces")["items"]}
    for namespace in sorted(set(NAMESPACES) - existing):
        control_plane.kubectl("create", "namespace", namespace)
    yield control_plane
    control_plane.kubectl("delete", "-f", folder, "--wait=false")


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_api_server_accepts_it(file: Path, with_their_kinds: ControlPlane) -> None:
    count = len(list(yaml.safe_load_all(file.read_text())))
    said = with_their_kinds.kubectl(*DRY_RUN, "-f", file)
    assert len(said.splitlines()) == count, said


def test_a_mistake_would_be_seen(with_their_kinds: ControlPlane) -> None:
    text = (GITOPS / "flux/connections.yaml").read_text().replace("healthChecks", "healthCheck")
    with pytest.raises(KubectlError, match="healthCheck"):
        with_their_kinds.kubectl(
            "apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", "-", stdin=text
        )


def test_the_health_checks_are_added_to_what_argo_cd_has(with_their_kinds: ControlPlane) -> None:
    """By the command that the file names."""
    theirs = {"metadata": {"name": "argocd-cm", "namespace": "argocd"}, "data": {"url": "https://argocd.example.com"}}
    with_their_kinds.apply({"apiVersion": "v1", "kind": "ConfigMap", **theirs})
    with_their_kinds.shell(f"cd {GITOPS}/argocd && {_command_in(GITOPS / 'argocd/health.yaml')}")
    data = with_their_kinds.get("configmap", "argocd-cm", "-n", "argocd")["data"]
    assert data["url"] == "https://argocd.example.com"
    assert len(data) == 4
    with_their_kinds.kubectl("delete", "configmap", "argocd-cm", "-n", "argocd")


def test_flux_waits_for_what_the_example_of_okta_has() -> None:
    [kustomization] = [item for item in objects_of(GITOPS / "flux") if item["kind"] == "Kustomization"]
    checked = [_named(check) for check in kustomization["spec"]["healthChecks"] if check["kind"] != "HelmRelease"]
    there = [_named({**item, **item["metadata"]}) for folder in CONNECTIONS for item in objects_of(folder)]
    assert set(checked) <= set(there)
    assert len(checked) == 3


def _named(item: dict[str, Any]) -> str:
    return json.dumps([item.get(field) for field in ("apiVersion", "kind", "namespace", "name")])


def test_the_page_shows_the_command_of_the_file() -> None:
    assert f"$ {_command_in(GITOPS / 'argocd/health.yaml')}\n" in (ROOT / "docs/how-to/gitops.md").read_text()


def _command_in(file: Path) -> str:
    [command] = [line.removeprefix("#").strip() for line in file.read_text().splitlines() if "--patch-file" in line]
    return command
