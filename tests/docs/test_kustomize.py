"""Names in our kinds follow what Kustomize makes of the names of Secrets and of our objects."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scim_operator.manifests.definitions import schemas
from scim_operator.reconcile import ShardNames
from scim_server.config import SHARDS
from tests.control_plane.cluster import ControlPlane
from tests.support.local_mode import SCIM_OPERATOR

KUSTOMIZE = Path(__file__).parents[2] / "kustomize"
RBAC = Path(__file__).parents[2] / "charts" / "scim-operator" / "rbac"


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


def test_the_servers_volumes_and_the_operators_role_name_all_shards() -> None:
    names = ShardNames("scim-system")
    config_maps = {names.config_map_key(shard).name for shard in SHARDS}
    secrets = {names.secret_key(shard).name for shard in SHARDS}
    patch = yaml.safe_load((KUSTOMIZE / "server-volumes" / "volumes.yaml").read_text())
    sources = {
        volume["name"]: volume["projected"]["sources"] for volume in patch["spec"]["template"]["spec"]["volumes"]
    }
    mounted = {source["configMap"]["name"] for source in sources["config"] if source["configMap"]["optional"]}
    assert mounted == config_maps | {names.config_map}
    mounted = {source["secret"]["name"] for source in sources["secrets"] if source["secret"]["optional"]}
    assert mounted == secrets | {names.secret}

    role = next(yaml.safe_load_all((RBAC / "own-namespace.yaml").read_text()))
    written = [rule for rule in role["rules"] if "patch" in rule["verbs"]]
    assert [set(rule["resourceNames"]) for rule in written] == [config_maps | {names.index_key.name}, secrets]


def test_the_servers_volumes_go_into_a_deployment(control_plane: ControlPlane, tmp_path: Path) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "scim-server"},
        "spec": {"template": {"spec": {"containers": [{"name": "scim-server", "image": "scim-server"}]}}},
    }
    shutil.copytree(KUSTOMIZE / "server-volumes", tmp_path / "server-volumes")
    (tmp_path / "server.yaml").write_text(yaml.safe_dump(deployment))
    (tmp_path / "kustomization.yaml").write_text("resources: [server.yaml]\ncomponents: [server-volumes]\n")
    pod = yaml.safe_load(control_plane.kubectl("kustomize", tmp_path))["spec"]["template"]["spec"]
    assert [volume["name"] for volume in pod["volumes"]] == ["config", "secrets"]
    (container,) = pod["containers"]
    assert container["image"] == "scim-server"
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/etc/scim/config", "/etc/scim/secrets"]
