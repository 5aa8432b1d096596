"""One client that sends requests without end and without waiting for answers."""

import socket
import threading
import time
from pathlib import Path

import pytest

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_REQUEST = b"GET /xxxx HTTP/1.1\r\nHost: x\r\n\r\n"
"""32 bytes, which divide what the event loop reads at once."""
_SENT = 8 << 20
_GROWTH = 64 << 20
"""Bytes: many times what the server may keep of one connection."""


@pytest.mark.parametrize("reads", [False, True], ids=["answers unread", "answers read"])
def test_memory_stays_where_it_is(tmp_path: Path, reads: bool) -> None:
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(Connection()))
    server.start()
    try:
        before = _peak_memory(server.pid)
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port))) as flood:
            flood.settimeout(20)
            if reads:
                threading.Thread(target=_read, args=(flood,), daemon=True).start()
            block = _REQUEST * 1024
            for _ in range(_SENT // len(block)):
                try:
                    flood.sendall(block)
                except OSError:  # the server takes no more, or has closed the connection: both are its right
                    break
                time.sleep(0.04)  # a flood of small pieces, as one from afar is
        most = _peak_memory(server.pid)
        assert most - before < _GROWTH, f"{before >> 20} MiB before, {most >> 20} MiB at most"
    finally:
        server.kill()


def _peak_memory(pid: int) -> int:
    """Bytes."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def _read(flood: socket.socket) -> None:
    while True:
        try:
            if not flood.recv(1 << 20):
                return
        except OSError:
            return
