"""The console scripts with their modules imported already: importing takes a second or two of a processor each time.

A process that has imported everything forks, and its child runs the program: with an end, standard streams, a folder
and an environment of its own. A test of starting itself (what is imported, closed streams) starts the script.
"""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support.processes import die_with_parent

_MODULES = {
    "kubectl-scim": "kubectl_scim.cli",
    "scim-operator": "scim_operator.cli",
    "scim-server": "scim_server.cli",
}
_COMMANDS = ("run", "local", "validate", "render", "log", "explain", "preview", "quickstart")
_SECONDS = 60
"""After which a program is ended."""
_lock = threading.Lock()


def run_program(
    program: str,
    *arguments: str | Path,
    stdin: str = "",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """`program` to its end, like subprocess.run with captured text. `environment` is added to this process's."""
    argv = [program, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as directory:
        given, printed, said = (Path(directory) / name for name in ("stdin", "stdout", "stderr"))
        given.write_text(stdin, encoding="utf-8")
        status = int(_ask({**_job(argv, cwd, environment), "streams": [str(given), str(printed), str(said)]}))
        return subprocess.CompletedProcess(argv, status, _text(printed), _text(said))


def start_program(
    program: str,
    *arguments: str | Path,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> "WarmProcess":
    """Start `program`, its output appended to `log`. It never outlives this process."""
    job = _job([program, *map(str, arguments)], cwd, environment)
    log.touch()  # the caller may read it at once
    return WarmProcess(int(_ask({**job, "streams": [os.devnull, str(log), str(log)], "lasting": True})))


class WarmProcess:
    """What subprocess.Popen would be, of a program that `start_program` started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = os.pidfd_open(pid)

    def poll(self) -> int | None:
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._status_within(timeout)
        if status is None:
            raise TimeoutError(f"process {self.pid} has not ended after {timeout} s")
        return status

    def send_signal(self, sent: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, sent)

    def _status_within(self, seconds: float | None) -> int | None:
        # A pidfd becomes readable when the process ends.
        if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
            self.returncode = int(_ask({"status_of": self.pid}))
            os.close(self._ended)
        return self.returncode


def _job(argv: list[str], cwd: Path | None, environment: Mapping[str, str] | None) -> dict[str, Any]:
    return {
        "argv": argv,
        "cwd": str(cwd or Path.cwd()),
        "environment": {**os.environ, **(environment or {})},
        "lasting": False,
    }


def _ask(request: Mapping[str, Any]) -> bytes:
    with _lock:
        requests, answers = _starter()
        requests.write(json.dumps(request).encode() + b"\n")
        requests.flush()
        return answers.readline()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _starter() -> tuple[IO[bytes], IO[bytes]]:
    """Its standard input and output. It ends when this process does."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    atexit.register(process.wait)
    atexit.register(process.stdin.close)  # before that: last in, first out
    return process.stdin, process.stdout


def _run(job: Any) -> None:
    """In the child, which ends as any Python program does."""
    for number, path in enumerate(job["streams"]):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    # What Python remembers of the starter's streams (whether they can be sought) isn't true of these.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    if job["lasting"]:
        os.setsid()
    else:
        signal.alarm(_SECONDS)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = job["argv"]
    importlib.import_module(_MODULES[sys.argv[0]]).main()
    sys.exit()


def _serve() -> None:
    for module in (*_MODULES.values(), *(f"scim_operator.cli.{command}" for command in _COMMANDS)):
        importlib.import_module(module)
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    starter = os.getpid()
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        answer = request.get("status_of")
        if answer is None:
            answer = os.fork()
            if answer == 0:
                die_with_parent(starter)
                answers.close()
                _run(request)
        if not request.get("lasting"):
            answer = os.waitstatus_to_exitcode(os.waitpid(answer, 0)[1])
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    _serve()
