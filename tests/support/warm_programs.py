"""The console scripts with their modules imported already, for tests that start one to read what it prints.

Importing takes a second or two of a processor; these tests are many. A process that has imported everything forks,
and its child runs the program: with an end, standard streams, a folder and an environment of its own. A test of
starting itself (what is imported, closed streams, signals) starts the script.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

_MODULES = {
    "kubectl-scim": "kubectl_scim.cli",
    "scim-operator": "scim_operator.cli",
    "scim-server": "scim_server.cli",
}
_COMMANDS = ("run", "local", "validate", "render", "quickstart")
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
        job = {
            "argv": argv,
            "streams": [str(given), str(printed), str(said)],
            "cwd": str(cwd or Path.cwd()),
            "environment": {**os.environ, **(environment or {})},
        }
        with _lock:
            requests, answers = _starter()
            requests.write(json.dumps(job).encode() + b"\n")
            requests.flush()
            status = int(answers.readline())
        return subprocess.CompletedProcess(argv, status, _text(printed), _text(said))


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
    """In the child: never returns."""
    for number, path in enumerate(job["streams"]):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(path, flags), number)
    signal.alarm(_SECONDS)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = job["argv"]
    status: object = 0
    try:
        importlib.import_module(_MODULES[sys.argv[0]]).main()
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def _serve() -> None:
    for module in (*_MODULES.values(), *(f"scim_operator.cli.{command}" for command in _COMMANDS)):
        importlib.import_module(module)
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    while line := sys.stdin.buffer.readline():
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
