"""Programs that tests start end with the test process, however that ends."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ProcessDiedError, start_process, wait_until

PARENT = """
import sys, time
from pathlib import Path
from tests.support.processes import start_process
from tests.support.warm_programs import start_program
log = Path(sys.argv[1])
child = {child}
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    "child",
    ['start_process(["sleep", "600"], log=log)', 'start_program("scim-operator", "local", log.parent, log=log)'],
    ids=["program", "warm program"],
)
def test_a_killed_test_process_takes_its_programs_along(
    child: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.replace("{child}", child), str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        cwd=pytestconfig.rootpath,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        watched = os.pidfd_open(pid)
        parent.send_signal(signal.SIGKILL)
    # A pidfd becomes readable when the process ends.
    assert select.select([watched], [], [], 10)[0] == [watched]
    os.close(watched)


def test_a_program_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start_process(["sh", "-c", "echo no licence; exit 7"], log=log)
    with pytest.raises(ProcessDiedError, match=r"demo: exit status 7\nno licence"):
        wait_until(lambda: False, seconds=10, what="demo", process=process, log=log)


def test_a_program_that_is_never_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("still thinking\n")
    with pytest.raises(TimeoutError, match=r"demo: not after 0\.1 s\nstill thinking"):
        wait_until(lambda: False, seconds=0.1, what="demo", log=log)
