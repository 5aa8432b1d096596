"""Ports of pods, reached from here by `kubectl port-forward`."""

import re
import time
from pathlib import Path

from tests.control_plane.kubectl import Kubectl
from tests.support.processes import kill_process, log_tail, start_process, wait_until


class Forwards:
    """Those that are open. `directory` is for their logs."""

    def __init__(self, cluster: Kubectl, directory: Path) -> None:
        self._cluster = cluster
        self._directory = directory
        self._open: dict[str, _Forward] = {}

    def url(self, namespace: str, pod: str, port: int) -> str:
        """At which the pod's port is. The next call opens it anew where it has ended, as it does with its pod."""
        key = f"{namespace}-{pod}-{port}"
        if key not in self._open or not self._open[key].alive:
            log = self._directory / f"forward-{key}-{time.monotonic_ns()}.log"
            self._open[key] = _Forward(self._cluster, namespace, pod, port, log)
        return self._open[key].url

    def close(self, namespace: str = "") -> None:
        """All, or those into a namespace."""
        for key in [key for key in self._open if key.startswith(namespace)]:
            self._open.pop(key).close()


class _Forward:
    def __init__(self, cluster: Kubectl, namespace: str, pod: str, port: int, log: Path) -> None:
        self._process = start_process(
            [*cluster.command, "port-forward", f"--namespace={namespace}", f"pod/{pod}", f":{port}"],
            log=log,
            env=cluster.environment(),
        )
        found: list[str] = []

        def listens() -> bool:
            found[:] = re.findall(r"Forwarding from (127\.0\.0\.1:\d+)", log_tail(log))
            return bool(found)

        wait_until(listens, seconds=60, what=f"port-forward to {pod}", process=self._process, log=log)
        self.url = f"http://{found[0]}"

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        if self.alive:
            kill_process(self._process)
