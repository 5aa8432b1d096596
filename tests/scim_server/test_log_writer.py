"""Lines to a pipe that is read, isn't read for a while, or never again."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scim_server.log_writer import LogWriter
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_MOST = 50


def note(dropped: int) -> str:
    return f"dropped {dropped}\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def read_until(descriptor: int, end: str) -> list[str]:
    text = ""
    while end not in text:
        text += os.read(descriptor, 1 << 20).decode(errors="replace")
    return text.splitlines()


def test_lines_keep_their_order_and_none_is_lost(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1], note)
    for number in range(2000):
        writer.write(f"{number} ä\n")
    writer.close()
    writer.write("afterwards\n")
    assert read_until(pipe[0], "afterwards\n") == [f"{number} ä" for number in range(2000)] + ["afterwards"]
    assert writer.dropped == 0


def test_what_nobody_reads_is_dropped_counted_and_said_in_one_line(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1], note, _MOST)
    writer.write("x" * (1 << 20) + "\n")  # more than the pipe holds
    assert os.read(pipe[0], 1) == b"x"  # the thread has it, and stands still
    count = 1000
    for number in range(count):
        writer.write(f"{number}\n")
    assert writer.dropped == count - _MOST
    lines = read_until(pipe[0], "dropped")
    writer.close()
    writer.write("end\n")
    lines += read_until(pipe[0], "end\n")
    assert lines[1:] == [*(str(number) for number in range(_MOST)), note(count - _MOST).strip(), "end"]


def test_the_end_does_not_wait_for_a_reader_for_ever(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1], note)
    writer.write("x" * (1 << 20) + "\n")
    closing = threading.Thread(target=writer.close, args=(0.1,))
    closing.start()
    closing.join(30)
    assert not closing.is_alive()
    read_until(pipe[0], "\n")


def test_a_reader_that_is_gone_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LogWriter(writing, note)
    writer.write("x\n")
    writer.close()
    writer.write("x\n")
    os.close(writing)
    assert writer.dropped == 0


def test_a_server_answers_while_nobody_reads_its_log_and_loses_no_line(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(Connection()))
    os.mkfifo(server.log)
    reader = os.open(server.log, os.O_RDWR)
    try:
        server.start()
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as stranger:
            for number in range(1000):  # three times what the pipe holds
                assert stranger.get("/x", headers={"X-Request-ID": f"number-{number}"}).status_code == 404
        probe = httpx.get(f"{server.management_url}/livez", timeout=30, trust_env=False)
        assert probe.status_code == 200
        lines: list[str] = []
        reading = threading.Thread(target=lambda: lines.extend(read_until(reader, "end of the test\n")))
        reading.start()
        assert server.stop() == 0
        os.write(reader, b"end of the test\n")
        reading.join(30)
        numbers = [line.partition('"number-')[2].partition('"')[0] for line in lines if '"number-' in line]
        assert numbers == [str(number) for number in range(1000)]
    finally:
        server.kill()
        os.close(reader)
