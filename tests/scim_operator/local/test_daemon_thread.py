import asyncio
import subprocess
import sys
import threading

import pytest

from scim_operator.local.daemon_thread import in_daemon_thread


async def test_what_the_work_returns_or_raises_is_had() -> None:
    def fail() -> None:
        raise LookupError("found nothing")

    assert await in_daemon_thread(sorted, [2, 1], reverse=True) == [2, 1]
    with pytest.raises(LookupError, match="found nothing"):
        await in_daemon_thread(fail)


async def test_the_loop_goes_on_meanwhile_and_may_give_up() -> None:
    goes_on, ended = threading.Event(), threading.Event()

    def work() -> None:
        goes_on.wait()
        ended.set()

    task = asyncio.create_task(in_daemon_thread(work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    goes_on.set()
    assert await asyncio.to_thread(ended.wait, 30)


def test_the_end_of_the_program_does_not_wait_for_it() -> None:
    program = """
import asyncio, threading
from scim_operator.local.daemon_thread import in_daemon_thread

async def main():
    started = threading.Event()
    def work():
        started.set()
        threading.Event().wait()
    task = asyncio.create_task(in_daemon_thread(work))
    await asyncio.to_thread(started.wait)
    task.cancel()

asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
