"""Every example is valid, is accepted by a real API server, and works when it is served."""

import json
from pathlib import Path

import httpx
import pytest
import yaml

from tests.control_plane.cluster import ControlPlane
from tests.support.local_mode import RunningLocalMode, run_to_its_end

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(folder for folder in (ROOT / "examples").iterdir() if folder.is_dir())
OUR_KINDS = "provisioningconfigs,rolemappings,attributemappings"

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: str(folder.name))


def test_the_examples_are_found() -> None:
    assert {"quickstart", "okta", "entra-id", "two-namespaces"} <= {folder.name for folder in EXAMPLES}


@each_example
def test_it_is_valid_with_nothing_to_warn_of(example: Path) -> None:
    ended = run_to_its_end("validate", "--strict", "-f", example)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_two_examples_have_an_object_of_one_name() -> None:
    """So that neither overwrites the other with `kubectl apply -R -f examples`."""
    ended = run_to_its_end("validate", "--strict", "-f", ROOT / "examples")
    assert (ended.returncode, ended.stderr) == (0, "")


@each_example
def test_it_is_served_without_a_word_of_warning(example: Path, tmp_path: Path) -> None:
    rendered = json.loads(run_to_its_end("render", "-f", example).stdout)["config"]
    with RunningLocalMode(example, tmp_path / "data") as running:
        for tenant in rendered["tenants"]:
            url = running.base_url(f"{tenant['namespace']}/{tenant['name']}")
            assert httpx.get(f"{url}/Users").status_code == 401
            for token in _provider_tokens(example, tenant["namespace"], tenant["name"]):
                users = httpx.get(f"{url}/Users", headers={"Authorization": f"Bearer {token}"})
                assert users.json()["totalResults"] == 0
        assert not [line for line in running.said.splitlines() if ".yaml:" in line]


@each_example
def test_a_real_api_server_accepts_it(example: Path, control_plane: ControlPlane) -> None:
    control_plane.kubectl("apply", "-f", ROOT / "crds")
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    objects = [document for file in example.glob("*.yaml") for document in yaml.safe_load_all(file.read_text())]
    namespaces = {document["metadata"]["namespace"] for document in objects if document["kind"] != "Namespace"}
    existing = {namespace["metadata"]["name"] for namespace in control_plane.get("namespaces")["items"]}
    for namespace in sorted(namespaces - existing):
        control_plane.kubectl("create", "namespace", namespace)
    try:
        control_plane.kubectl("apply", "--validate=strict", "-f", example)
        for document in objects:
            metadata = document["metadata"]
            where = ["-n", metadata["namespace"]] if "namespace" in metadata else []
            assert control_plane.get(document["kind"], metadata["name"], *where)["metadata"]["uid"]
    finally:
        # The namespaces stay: nothing ends them here, for there is no controller-manager.
        for namespace in sorted(namespaces):
            control_plane.kubectl("delete", f"{OUR_KINDS},secrets", "--all", "-n", namespace)


def _provider_tokens(example: Path, namespace: str, name: str) -> list[str]:
    objects = [document for file in example.glob("*.yaml") for document in yaml.safe_load_all(file.read_text())]
    keyed = {
        (document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"]): document
        for document in objects
    }
    config = keyed["ProvisioningConfig", namespace, name]
    return [
        keyed["Secret", namespace, token["secretRef"]["name"]]["stringData"][token["secretRef"]["key"]]
        for token in config["spec"]["authentication"].get("bearerTokens", [])
        if token.get("access") != "Self"
    ]
