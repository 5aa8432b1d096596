"""kubectl as an administrator of a cluster, whichever it is."""

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

_REQUEST_SECONDS = 60


class KubectlError(Exception):
    """kubectl said no; the message is what it printed."""


class Kubectl:
    """`programs` is the directory with kubectl; `directory` keeps what it caches."""

    kubeconfig: Path
    """Of a cluster administrator (group system:masters)."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs = programs
        self._directory = directory

    @property
    def command(self) -> list[str | Path]:
        return [self._programs / "kubectl"]

    def kubectl(
        self,
        *arguments: str | Path,
        stdin: str | None = None,
        kubeconfig: Path | None = None,
        seconds: float = _REQUEST_SECONDS,
    ) -> str:
        """Run kubectl, as administrator unless another kubeconfig is given, and return what it prints.

        `stdin` is its standard input (for `-f -`). Raises KubectlError with its message when it fails.
        """
        result = subprocess.run(
            [*self.command, *arguments],
            check=False,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=seconds,
            env=self.environment(kubeconfig),
            cwd=self._directory,
        )
        if result.returncode != 0:
            raise KubectlError(result.stderr.strip() or result.stdout.strip())
        return result.stdout

    def shell(self, script: str) -> str:
        """Run a script of commands that a page shows, as administrator, and return what it prints.

        Raises KubectlError when one of them fails.
        """
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * _REQUEST_SECONDS,
            env=self.environment() | {"PATH": f"{self._programs}:{os.environ['PATH']}", "no_proxy": "*"},
        )
        if result.returncode != 0:
            raise KubectlError(result.stderr.strip() or result.stdout.strip())
        return result.stdout

    def environment(self, kubeconfig: Path | None = None) -> dict[str, str]:
        return {
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            # Its own home: kubectl caches what the API server offers, which the next test may change.
            "HOME": str(self._directory),
            "KUBECACHEDIR": str(self._directory / "kubectl-cache"),
        }

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get ARGUMENTS -o json`, decoded: an object, or a List with `items`."""
        decoded: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return decoded

    def apply(self, *objects: dict[str, Any]) -> None:
        """`kubectl apply` of objects given as dictionaries."""
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(item) for item in objects))

    def create_namespace(self, prefix: str = "test") -> str:
        """Make a namespace with a name that no other test uses; returns the name."""
        name = f"{prefix}-{uuid.uuid4().hex[:10]}"
        self.kubectl("create", "namespace", name)
        return name
