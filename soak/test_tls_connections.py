"""Memory of connections with TLS beside plain ones: that sit there, and that send and read nothing."""

import contextlib
import resource
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.control_plane.certificates import CertificateAuthority
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

CONNECTIONS = 300
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
FLOOD = REQUEST * 40_000
SETTLED_SECONDS = 10.0
"""In which the server takes what it will take of what was sent."""


@pytest.mark.parametrize(
    ("tls", "sent", "most"),
    [(False, REQUEST, 0.02), (True, REQUEST, 0.08), (False, FLOOD, 0.4), (True, FLOOD, 1.8)],
    ids=["plain, idle", "TLS, idle", "plain, flooding", "TLS, flooding"],
)
def test_memory_of_a_connection(tmp_path: Path, tls: bool, sent: bytes, most: float) -> None:
    """`most` MiB. `pytest -s` shows what it was."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    authority = CertificateAuthority()
    pair = authority.issue_server(("localhost",), ())
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    environment = {"SCIM_TLS_CERT": str(certificate), "SCIM_TLS_KEY": str(key)} if tls else {}
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(Connection()), environment)
    server.start()
    opened: list[socket.socket] = []
    try:
        before = _memory(server.pid)
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        for _ in range(CONNECTIONS):
            connection = socket.create_connection((host, int(port)))
            if tls:
                connection = trust.wrap_socket(connection, server_hostname="localhost")
            connection.settimeout(0.05)
            opened.append(connection)
            with contextlib.suppress(OSError):  # the server takes no more
                connection.sendall(sent)
        time.sleep(SETTLED_SECONDS)
        each = (_memory(server.pid) - before) / CONNECTIONS / (1 << 20)
        print(f"{each:.3f} MiB for each connection")
        assert each < most
    finally:
        for connection in opened:
            connection.close()
        server.kill()


def _memory(pid: int) -> int:
    """Bytes, resident."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) << 10
