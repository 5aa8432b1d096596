"""Programs that tests start: they write to a log file and never outlive the test process."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True)


class Process(Protocol):
    """What is the same of subprocess.Popen and of a warm program."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sent: signal.Signals, /) -> None: ...


class ProcessDiedError(Exception):
    """A program ended before it was ready; the message holds the end of its log."""


def start_process(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    group: int | None = None,
    stdin: int = subprocess.DEVNULL,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start `argv`, its output appended to `log`.

    When the thread that called this ends (so also when pytest is killed), the kernel sends `death_signal` to the
    program: call it from the main thread. `user` and `group` are numbers, for a test that runs as root and a
    program that refuses to.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in argv],
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            user=user,
            group=group,
            extra_groups=[] if user is not None else None,
            # A group of its own, so that Ctrl-C in the terminal reaches pytest alone, which then stops it in order.
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid(), death_signal),
        )


def die_with_parent(parent: int, death_signal: signal.Signals = signal.SIGKILL) -> None:
    """In a process that `parent` has just forked: the kernel sends it the signal when that ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died between fork and prctl
        os._exit(1)


def kill_process(process: Process, sent: signal.Signals = signal.SIGKILL) -> int:
    """Send the signal, wait up to 30 s for the end, return the exit status (negative: ended by that signal)."""
    process.send_signal(sent)
    return process.wait(timeout=30)


def wait_until(
    ready: Callable[[], bool],
    *,
    seconds: float,
    what: str,
    process: Process | None = None,
    log: Path | None = None,
) -> None:
    """Ask `ready` every 20 ms until it says yes.

    Raises ProcessDiedError at once when `process` ends, and TimeoutError after `seconds`; both name `what` and show
    the end of `log`.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process is not None and process.poll() is not None:
            raise ProcessDiedError(f"{what}: exit status {process.returncode}\n{log_tail(log)}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not after {seconds:g} s\n{log_tail(log)}")
        time.sleep(0.02)


def log_tail(log: Path | None, lines: int = 40) -> str:
    """The last lines of a log file, "" when there is none."""
    if log is None or not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now. Inside the private network only other tests could take it."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
