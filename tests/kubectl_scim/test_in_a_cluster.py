"""`kubectl scim` with the user's own kubectl, against a real API server."""

import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.control_plane.cluster import ControlPlane
from tests.helm.build import HELM
from tests.helm.helm import Helm
from tests.kubectl_scim.conftest import ROOT
from tests.support.local_mode import PROVIDER_TOKEN, RunningLocalMode
from tests.support.warm_programs import run_program

ENDED = "2026-01-01T00:00:00Z"


class Plugin:
    """The plugin as a user of the cluster runs it."""

    def __init__(self, cluster: ControlPlane, namespace: str, directory: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._path = f"{cluster.programs}:{os.environ['PATH']}"
        self._home = directory

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "HOME": str(self._home),
            "PATH": self._path,
            "no_proxy": "*",
        }
        return run_program("kubectl-scim", *arguments, environment=environment)

    def put_first_on_the_path(self, folder: Path) -> None:
        self._path = f"{folder}:{self._path}"

    def apply(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        self.cluster.apply(
            {
                "apiVersion": "scim-operator.io/v1alpha1",
                "kind": kind,
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": spec,
            }
        )

    def report(self, kind: str, name: str, *conditions: tuple[str, str, str, str], **status: Any) -> None:
        """What an operator would have written."""
        written = [
            {"type": kind, "status": state, "reason": reason, "message": message, "lastTransitionTime": ENDED}
            for kind, state, reason, message in conditions
        ]
        patch = {"status": {"observedGeneration": 1, "conditions": written, **status}}
        self.cluster.kubectl(
            "patch", kind, name, "-n", self.namespace, "--subresource=status", "--type=merge", "-p", json.dumps(patch)
        )


@pytest.fixture
def plugin(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Plugin]:
    control_plane.kubectl("apply", "-f", ROOT / "crds")
    control_plane.kubectl("wait", "--for=condition=Established", "-f", ROOT / "crds", "--timeout=60s")
    yield Plugin(control_plane, namespace, tmp_path)
    kinds = "provisioningconfigs,rolemappings,attributemappings,services"
    control_plane.kubectl("delete", kinds, "--all", "-n", namespace)


def config_spec(secret: str) -> dict[str, Any]:
    return {
        "provider": "Okta",
        "authentication": {"bearerTokens": [{"name": "okta", "secretRef": {"name": secret}}]},
        "roles": [{"name": "admin"}],
    }


def test_status_tells_a_person_what_is_wrong(plugin: Plugin) -> None:
    namespace = plugin.namespace
    assert "There is no ProvisioningConfig" in plugin("status", "-n", namespace).stdout

    rule = {"name": "admins", "groups": [{"displayName": "App Admins"}], "roles": ["admin"]}
    plugin.apply("ProvisioningConfig", "okta", config_spec("okta-scim"))
    plugin.apply("ProvisioningConfig", "unseen", config_spec("okta-scim"))
    plugin.apply("RoleMapping", "good", {"configRef": {"name": "okta"}, "rules": [rule]})
    plugin.apply("RoleMapping", "typo", {"configRef": {"name": "okta"}, "rules": [rule]})
    plugin.apply("RoleMapping", "stray", {"configRef": {"name": "nobody"}, "rules": [rule]})
    well = ("Ready", "True", "Succeeded", "")
    plugin.report(
        "provisioningconfig",
        "okta",
        ("Ready", "False", "SecretNotFound", "see ResolvedRefs"),
        ("ResolvedRefs", "False", "SecretNotFound", 'credential "okta": there is no Secret okta-scim'),
        ("Programmed", "True", "Programmed", ""),
        endpoint=f"https://scim.acme.example/{namespace}/okta/scim/v2",
        users={"active": 42},
        lastContactTime=ENDED,
        credentials=[{"name": "okta", "expiresAt": ENDED}],
    )
    unmatched = {"count": 1, "groups": [{"rule": "admins", "displayName": "App Admins"}]}
    plugin.report("rolemapping", "good", well, unmatchedGroups=unmatched)
    wrong = 'rule "admins": role "admni" is not in the catalogue'
    plugin.report(
        "rolemapping",
        "typo",
        ("Ready", "False", "RoleNotFound", "see Accepted"),
        ("Accepted", "False", "RoleNotFound", wrong),
        ("Programmed", "False", "NotAccepted", "nothing of it is in effect"),
    )
    plugin.report(
        "rolemapping",
        "stray",
        ("Ready", "False", "ConfigNotFound", "no config"),
        ("Accepted", "False", "ConfigNotFound", "there is no ProvisioningConfig nobody"),
    )

    shown = plugin("status", "-n", namespace)

    assert (shown.returncode, shown.stderr) == (1, "")
    heading, *lines = shown.stdout.splitlines()
    assert heading.split("  ")[0] == "NAME"
    assert lines[0].split()[:4] == [f"{namespace}/okta", "NO", "Okta", "42"]
    assert lines[0].split()[4] == "never"
    assert lines[0].split()[5].endswith("d")
    assert lines[0].split()[6:] == ["ago", f"https://scim.acme.example/{namespace}/okta/scim/v2"]
    assert lines[1:] == [
        '  ! SecretNotFound: credential "okta": there is no Secret okta-scim',
        f"  - credential okta expired at {ENDED}",
        "  ok  RoleMapping good",
        '      - rule admins: no provider has sent a group with displayName "App Admins"',
        "  NO  RoleMapping typo",
        f"      ! RoleNotFound: {wrong}",
        "      ! NotAccepted: nothing of it is in effect",
        lines[8],
        "  ! no operator has looked at it: is one running, and does it serve this namespace?",
        "",
        "Mappings whose ProvisioningConfig isn't among these:",
        f"  NO  RoleMapping {namespace}/stray",
        "      ! ConfigNotFound: there is no ProvisioningConfig nobody",
    ]
    assert lines[8].split()[:2] == [f"{namespace}/unseen", "NO"]

    for name in ("typo", "stray"):
        plugin.cluster.kubectl("delete", "rolemapping", name, "-n", namespace)
    plugin.cluster.kubectl("delete", "provisioningconfig", "unseen", "-n", namespace)
    plugin.report("provisioningconfig", "okta", well, lastContactTime=None)
    ready = plugin("status", "-n", namespace)
    assert ready.returncode == 0
    assert (
        f"- no request with any of its credentials has come yet: kubectl scim probe okta -n {namespace}"
        in ready.stdout
    )


def test_a_token_is_applied_and_printed_by_the_commands_that_are_shown(plugin: Plugin) -> None:
    made = plugin("token", "okta-2026-11", "-n", plugin.namespace)
    assert made.returncode == 0

    plugin.cluster.kubectl("apply", "-f", "-", stdin=made.stdout)

    [secret] = yaml.safe_load_all(made.stdout)
    token = secret["stringData"]["token"]
    assert len(token) == 43
    assert secret["metadata"]["labels"] == {"scim-operator.io/watch": "true"}
    assert token not in made.stderr
    [command] = [line.strip() for line in made.stderr.splitlines() if "base64 -d" in line]
    assert plugin.cluster.shell(command) == token
    assert "kubectl apply" not in made.stderr, "it has gone there"
    again = plugin("token", "okta-2026-11", "--key", "a.b")
    assert yaml.safe_load(again.stdout)["stringData"]["a.b"] != token
    assert "namespace" not in yaml.safe_load(again.stdout)["metadata"]
    assert r"{.data.a\.b}" in again.stderr


@pytest.mark.parametrize(
    "arguments", [["A_B"], ["okta", "-n", "x.y"], ["okta", "--key", "a b"], ["a\nb"], ["okta", "-n", "x\ny: z"]]
)
def test_a_name_that_no_secret_can_have(arguments: list[str]) -> None:
    ended = run_program("kubectl-scim", "token", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


@pytest.fixture
def declared(plugin: Plugin, good_server: RunningLocalMode) -> Plugin:
    """The connection that the good server serves, in the cluster."""
    plugin.cluster.kubectl(
        "create", "secret", "generic", "okta-scim", f"--from-literal=token={PROVIDER_TOKEN}", "-n", plugin.namespace
    )
    plugin.apply("ProvisioningConfig", "okta", config_spec("okta-scim"))
    plugin.report("provisioningconfig", "okta", ("Ready", "True", "Succeeded", ""), endpoint=good_server.base_url())
    return plugin


def test_a_config_is_probed_at_its_endpoint_as_its_provider(declared: Plugin) -> None:
    ended = declared("probe", "okta", "-n", declared.namespace)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Okta would be content: 0 complaints, 0 warnings" in ended.stdout
    assert PROVIDER_TOKEN not in ended.stdout + ended.stderr


def test_a_config_without_a_public_url_is_probed_through_a_forwarded_port(
    declared: Plugin, good_server: RunningLocalMode, tmp_path: Path
) -> None:
    """There is no kubelet here, which is what forwards. So that one command of kubectl is played, and no other."""
    port = urlsplit(good_server.base_url()).port
    real = declared.cluster.programs / "kubectl"
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "kubectl"
    script.write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" port-forward "*) echo "$*" > {tmp_path}/asked;'
        f' echo "Forwarding from 127.0.0.1:{port} -> 8080"; exec sleep 60;; esac\n'
        f'exec {real} "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    declared.put_first_on_the_path(folder)
    namespace = declared.namespace
    installed = Helm(HELM.built() / "helm", tmp_path).template("--set=nameOverride=people", namespace=namespace)
    services = [item for item in yaml.safe_load_all(installed) if item and item["kind"] == "Service"]
    declared.cluster.apply(*services)
    ours = "scim-people-server"

    # The address has the cluster's namespace, which the good server doesn't serve: it refuses, and was asked.
    ended = declared("probe", "okta", "-n", namespace, "--port-forward", "--service", f"{namespace}/{ours}")
    asked = (tmp_path / "asked").read_text().split()
    assert asked == ["port-forward", "--address", "127.0.0.1", "-n", namespace, f"service/{ours}", ":80"]
    assert f"Playing Okta against http://127.0.0.1:{port}/{namespace}/okta/scim/v2" in ended.stdout
    assert "the server refuses the token with 401" in ended.stdout
    assert ended.returncode == 1

    # It finds the Service by itself, unless there are several.
    another = {**services[0], "metadata": services[0]["metadata"] | {"name": "another"}}
    declared.cluster.apply(another)
    several = declared("probe", "okta", "-n", namespace, "--port-forward")
    assert several.returncode == 2
    assert "which Service has the servers? Say so with --service NAMESPACE/NAME (found: " in several.stderr
    found = several.stderr.partition("(found: ")[2].rstrip(")\n").split(", ")
    assert {name for name in found if name.startswith(f"{namespace}/")} == {
        f"{namespace}/{ours}",
        f"{namespace}/another",
    }


def test_what_kubectl_refuses_is_one_line(plugin: Plugin) -> None:
    ended = plugin("probe", "nobody", "-n", plugin.namespace)
    assert ended.returncode == 2
    assert ended.stderr == (
        'kubectl scim probe: Error from server (NotFound): provisioningconfigs.scim-operator.io "nobody" not found\n'
    )
    context = plugin("status", "--context", "nowhere")
    assert context.returncode == 2
    assert context.stderr.startswith("kubectl scim status: ")
    assert context.stderr.endswith("nowhere\n")


def test_kubectl_finds_the_plugin(plugin: Plugin) -> None:
    said = plugin.cluster.shell(f"PATH={Path(sys.executable).parent}:$PATH; kubectl scim --version")
    assert said.startswith("kubectl-scim ")


def test_a_token_on_a_terminal_is_stored_nowhere_and_says_so(tmp_path: Path) -> None:
    reading, terminal = pty.openpty()
    script = Path(sys.executable).with_name("kubectl-scim")
    ended = subprocess.run([script, "token", "okta"], check=True, stdout=terminal, stderr=subprocess.PIPE, text=True)
    assert "kind: Secret" in os.read(reading, 10_000).decode()
    assert ended.stderr.startswith("Nothing is stored yet.")
    os.close(reading)
    os.close(terminal)


def test_without_kubectl_it_says_so(tmp_path: Path) -> None:
    ended = run_program("kubectl-scim", "status", environment={"PATH": str(tmp_path)})
    assert (ended.returncode, ended.stderr) == (2, "kubectl scim status: kubectl isn't on the PATH\n")
