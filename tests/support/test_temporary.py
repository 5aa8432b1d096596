"""A run's directory goes away with it, and a killed run's with the next."""

import subprocess
import sys

import pytest

from tests.support.temporary import RunDirectory

KILLED_RUN = """
import os, signal
from tests.support.temporary import RunDirectory
directory = RunDirectory()
print(directory.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_leftovers_of_a_killed_run_are_removed_and_those_of_a_live_one_kept(pytestconfig: pytest.Config) -> None:
    live = RunDirectory()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_RUN], check=False, stdout=subprocess.PIPE, text=True, cwd=pytestconfig.rootpath
    )
    leftover = live.path.parent / killed.stdout.strip()
    assert leftover.is_dir()

    current = RunDirectory()

    assert not leftover.exists()
    assert live.path.is_dir()
    for directory in (live, current):
        directory.remove()
        assert not directory.path.exists()
