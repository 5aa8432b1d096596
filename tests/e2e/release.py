"""The chart, installed with Helm into a cluster that has nodes: made by `make e2e`, by kind, or anybody's.

E2E_KUBECONFIG   of its administrator; or E2E_KIND, and the fixture of pytest-kind makes the cluster
E2E_TAG          tag of the images localhost/scim-server, -operator and -test-postgres that the cluster has; dev
E2E_PREVIOUS     folder with an earlier commit, whose images have the tag `previous`; for the upgrade
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx

from tests.control_plane.build import CONTROL_PLANE
from tests.control_plane.kubectl import Kubectl
from tests.e2e import helper_pods
from tests.e2e.cluster_api import ClusterReader
from tests.e2e.forwards import Forwards
from tests.e2e.helper_pods import DATABASE_URL, RELAY, RELAY_PORT, HelperPods
from tests.e2e.installed import Installed, Tenant
from tests.helm.build import HELM
from tests.helm.helm import CHART, Helm
from tests.support.processes import ProcessDiedError

NAMESPACE = "scim-system"
RELEASE = "scim-operator"
SERVER = f"{RELEASE}-server"
PUBLIC_URL = "https://scim.example.com"

_SERVICE = (f"{SERVER}.{NAMESPACE}.svc.cluster.local", "80")
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
        self.helpers = HelperPods(cluster, self.tag, _SERVICE)
        self.servers: list[Pod] = [Pod(self, index) for index in range(2)]
        self._directory = directory
        self._helm = Helm(HELM.built() / "helm", directory, kubeconfig)
        self._forwards = Forwards(cluster, directory)
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
        self.helpers.start_postgres()
        values = image_values(tag or self.tag)
        values["server"] |= {
            # Tests ask until an answer changes, all from one address.
            "env": [{"name": "SCIM_FAILED_AUTHENTICATIONS", "value": "0"}],
            "replicas": 2,
        }
        values["operator"]["env"] = [{"name": "SCIM_OPERATOR_POLL_SECONDS", "value": "1"}]
        return values | {"publicUrl": PUBLIC_URL, "database": {"url": DATABASE_URL}}

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
        self.helpers.start_relay()
        return self._forwards.url(helper_pods.NAMESPACE, RELAY, RELAY_PORT)

    def pod_url(self, name: str) -> str:
        """URL of the public port of a server's pod."""
        return self._forwards.url(NAMESPACE, name, 8080)

    def close(self, namespace: str = "") -> None:
        """The ways in, or those into a namespace; what runs in the cluster stays."""
        self._forwards.close(namespace)

    def logs(self) -> dict[str, str]:
        """Ends of the logs of all pods of the release, and what the cluster says of them."""
        found = {"pods": self.cluster.kubectl("get", "pods,events", "--all-namespaces")}
        for part in ("server", "operator"):
            selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={part}"
            found[part] = self.cluster.kubectl(
                "logs", f"--namespace={NAMESPACE}", f"--selector={selector}", "--tail=40", "--prefix"
            )
        return found


class Pod:
    """The server whose pod is the `index`-th of the release."""

    def __init__(self, release: Release, index: int) -> None:
        self._release = release
        self._index = index

    @property
    def url(self) -> str:
        return self._release.pod_url(self._release.server_pods()[self._index]["metadata"]["name"])
