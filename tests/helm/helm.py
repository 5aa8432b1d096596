"""Helm as the tests run it: with folders of its own, so that nobody's repositories and plugins count."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

CHART = Path(__file__).parents[2] / "charts" / "scim-operator"

_SECONDS = 300


class HelmError(Exception):
    """Helm said no; the message is what it printed."""


class Helm:
    """`program` is what build.py builds, `directory` for what Helm keeps."""

    def __init__(self, program: Path, directory: Path, kubeconfig: Path | None = None) -> None:
        self._program = program
        self._environment = {
            "HOME": str(directory),
            "PATH": os.environ["PATH"],
            **{f"HELM_{place}_HOME": str(directory / place.lower()) for place in ("CACHE", "CONFIG", "DATA")},
        }
        if kubeconfig is not None:
            self._environment["KUBECONFIG"] = str(kubeconfig)

    def run(self, *arguments: str | Path) -> str:
        """Standard output. Raises HelmError with what else it printed when it fails."""
        result = subprocess.run(
            [self._program, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=self._environment,
        )
        if result.returncode != 0:
            raise HelmError(result.stderr.strip() or result.stdout.strip())
        return result.stdout

    def template(
        self,
        *arguments: str | Path,
        release: str = "scim",
        namespace: str = "scim-system",
        values: Sequence[Path] = (),
        chart: Path = CHART,
    ) -> str:
        files = [f"--values={path}" for path in values]
        return self.run("template", release, chart, f"--namespace={namespace}", *files, *arguments)
