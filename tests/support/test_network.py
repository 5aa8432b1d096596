"""The private network that every test runs in."""

import socket
import subprocess
import sys

import pytest

from tests.support.network import inside_private_network

CHILD = "from tests.support.network import inside_private_network as inside; raise SystemExit(0 if inside() else 3)"


def test_a_server_on_its_addresses_is_reachable_from_a_child(private_network: tuple[str, ...]) -> None:
    assert inside_private_network()
    for address in private_network:
        with socket.create_server((address, 0)) as listener:
            port = listener.getsockname()[1]
            connect = f"import socket; socket.create_connection(({address!r}, {port})).sendall(b'hello')"
            subprocess.run([sys.executable, "-c", connect], check=True)
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(5) == b"hello"


def test_nothing_outside_is_reachable(private_network: tuple[str, ...]) -> None:
    # 192.0.2.0/24 is for documentation (RFC 5737). Without a route the kernel refuses before a packet is sent.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(OSError, match="unreachable"):
        probe.connect(("192.0.2.1", 9))


def test_a_child_knows_that_it_is_inside(private_network: tuple[str, ...], pytestconfig: pytest.Config) -> None:
    result = subprocess.run([sys.executable, "-c", CHILD], check=False, cwd=pytestconfig.rootpath)
    assert result.returncode == 0
