"""Every example is valid, is accepted by a real API server, and is served."""

from pathlib import Path

import httpx
import pytest

from tests.control_plane.cluster import ControlPlane
from tests.examples.folders import CONNECTIONS, OUR_KINDS, ROOT, name_of, objects_of, provider_tokens
from tests.support.local_mode import RunningLocalMode, run_to_its_end

PROVIDERS = {"okta", "entra-id", "pingone", "google", "onelogin", "jumpcloud", "keycloak", "authentik"}

each_example = pytest.mark.parametrize("example", CONNECTIONS, ids=name_of)


def test_the_examples_are_found() -> None:
    others = {"quickstart", "credentials", "own-schema", "two-namespaces", "multi-tenant", "production/connection"}
    assert PROVIDERS | others <= {name_of(folder) for folder in CONNECTIONS}


def test_the_page_lists_every_example() -> None:
    page = (ROOT / "examples/README.md").read_text()
    folders = {folder.name for folder in (ROOT / "examples").iterdir() if folder.is_dir()}
    assert {name for name in folders if f"]({name})" not in page} == set()


@each_example
def test_it_is_valid_with_nothing_to_warn_of(example: Path) -> None:
    ended = run_to_its_end("validate", "--strict", "-f", example)
    assert ended.returncode == 0
    assert [line for line in ended.stderr.splitlines() if ": ignored: " not in line] == []


def test_no_two_examples_have_an_object_of_one_name() -> None:
    """So that neither overwrites the other when both are applied."""
    ended = run_to_its_end("validate", "--strict", "-f", ROOT / "examples")
    assert ended.returncode == 0, ended.stderr


def test_they_are_served_without_a_word_of_warning(served: RunningLocalMode) -> None:
    for number, example in enumerate(CONNECTIONS, start=1):
        # Requests without a credential are counted by address, and other tests send some.
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number}")
        with httpx.Client(transport=transport) as client:
            for config in (document for document in objects_of(example) if document["kind"] == "ProvisioningConfig"):
                namespace, name = config["metadata"]["namespace"], config["metadata"]["name"]
                url = served.base_url(f"{namespace}/{name}")
                assert client.get(f"{url}/Users").status_code == 401
                for token in provider_tokens(example, namespace, name).values():
                    users = client.get(f"{url}/Users", headers={"Authorization": f"Bearer {token}"})
                    assert users.status_code == 200
    assert not [line for line in served.said.splitlines() if ".yaml:" in line and ": ignored: " not in line]


def test_a_real_api_server_accepts_them(control_plane: ControlPlane) -> None:
    control_plane.kubectl("apply", "-f", ROOT / "crds")
    control_plane.kubectl("wait", "--for=condition=Established", "-f", ROOT / "crds", "--timeout=60s")
    ours = {folder: objects_of(folder) for folder in CONNECTIONS}
    namespaces = {
        document["metadata"]["namespace"]
        for documents in ours.values()
        for document in documents
        if "namespace" in document["metadata"]
    }
    existing = {namespace["metadata"]["name"] for namespace in control_plane.get("namespaces")["items"]}
    for namespace in sorted(namespaces - existing):
        control_plane.kubectl("create", "namespace", namespace)
    try:
        for folder, documents in ours.items():
            said = control_plane.kubectl("apply", "--validate=strict", "-f", folder)
            assert len(said.splitlines()) == len(documents), said
    finally:
        # The namespaces stay: nothing ends them here, for there is no controller-manager.
        for namespace in sorted(namespaces):
            control_plane.kubectl("delete", f"{OUR_KINDS},secrets", "--all", "-n", namespace)
