"""Names in our kinds follow what Kustomize makes of the names of Secrets and of our objects."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scim_operator.manifests.definitions import schemas
from tests.control_plane.cluster import ControlPlane
from tests.support.local_mode import SCIM_OPERATOR

KUSTOMIZE = Path(__file__).parents[2] / "kustomize"


def test_the_example_holds_together_with_a_prefix_and_a_generated_secret(control_plane: ControlPlane) -> None:
    built = control_plane.kubectl("kustomize", KUSTOMIZE / "example")

    objects = {document["kind"]: document for document in yaml.safe_load_all(built)}
    secret = objects["Secret"]["metadata"]["name"]
    config = objects["ProvisioningConfig"]
    assert secret.startswith("staging-okta-scim-")
    assert config["metadata"]["name"] == "staging-okta"
    assert config["spec"]["authentication"]["bearerTokens"][0]["secretRef"]["name"] == secret
    assert {objects[kind]["spec"]["configRef"]["name"] for kind in ("RoleMapping", "AttributeMapping")} == {
        "staging-okta"
    }
    command = [str(SCIM_OPERATOR), "validate", "--strict", "-f", "-"]
    ended = subprocess.run(command, input=built, check=False, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_field_that_names_an_object_is_followed() -> None:
    file = KUSTOMIZE / "component" / "name-references.yaml"
    followed = {
        (field["kind"], field["path"])
        for reference in yaml.safe_load(file.read_text())["nameReference"]
        for field in reference["fieldSpecs"]
    }
    assert followed == {
        (kind, path)
        for kind, schema in schemas().items()
        for path in references(schema["properties"]["spec"], "spec")
    }


def references(schema: dict[str, Any], path: str) -> Iterator[str]:
    for name, member in schema.get("properties", {}).items():
        if name.endswith("Ref"):
            yield f"{path}/{name}/name"
        yield from references(member.get("items", member), f"{path}/{name}")
