"""The user's own kubectl: whatever logs in there logs in here."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_LOG_LINE = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.")
"""What kubectl logs before its last word: the same for each attempt."""
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")


class _NotForwarded(Exception):
    """kubectl port-forward has ended without a port."""


class KubectlFailed(Exception):
    """kubectl said no; the message is its own, in one line."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`arguments` are those that choose a cluster: --context, --kubeconfig."""

    arguments: Sequence[str] = ()

    def get(self, *arguments: str) -> Any:
        """`kubectl get ARGUMENTS`, decoded. Raises `KubectlFailed`."""
        return json.loads(self._run("get", *arguments, "-o", "json"))

    def namespace(self) -> str:
        """Of the current context."""
        return self._run("config", "view", "--minify", "-o", "jsonpath={..namespace}").strip() or "default"

    @contextmanager
    def port_forward(self, namespace: str, service: str, port: int) -> Iterator[int]:
        """The port of 127.0.0.1 that leads to a Service. Raises `KubectlFailed`."""
        command = ["kubectl", *self.arguments, "port-forward", "--address", "127.0.0.1", "-n", namespace]
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                [*command, f"service/{service}", f":{port}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # Ctrl-C is for this process, which needs the connection to undo what it made.
                start_new_session=True,
            ) as process,
        ):
            try:
                yield _forwarded_port(process.stdout or ())
            except _NotForwarded:
                process.wait()
                errors.seek(0)
                raise KubectlFailed(_one_line(errors.read()) or "kubectl port-forward ended") from None
            finally:
                process.terminate()

    def _run(self, *arguments: str) -> str:
        try:
            ended = subprocess.run(
                ["kubectl", *self.arguments, *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            raise KubectlFailed("kubectl isn't on the PATH") from None
        if ended.returncode != 0:
            raise KubectlFailed(_one_line(ended.stderr) or f"kubectl ended with status {ended.returncode}")
        return ended.stdout


def _forwarded_port(lines: Iterable[str]) -> int:
    for line in lines:
        found = _FORWARDING.search(line)
        if found is not None:
            return int(found[1])
    raise _NotForwarded


def _one_line(text: str) -> str:
    """Without what kubectl logs, unless there is nothing else."""
    lines = text.splitlines()
    said = [line for line in lines if not _LOG_LINE.match(line)]
    return " ".join(" ".join(said or lines).split())
