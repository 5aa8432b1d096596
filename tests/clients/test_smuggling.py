"""A stranger behind the same proxy as an identity provider: neither has anything of the other."""

import socket
import uuid

import httpx
import pytest

from tests.clients.conftest import OKTA
from tests.clients.nginx import Nginx

pytestmark = pytest.mark.xdist_group("clients")  # whose tests share what takes long to make

_HEADERS = {"Authorization": f"Bearer {OKTA.token('provision')}"}
_LARGE = 60_000
"""Bytes: more than nginx keeps in memory of a body, so that the server gets it in several segments."""


def _stranger_sends(url: str, request: bytes) -> bytes:
    """The status of the answer."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        return connection.recv(1 << 16).split()[1]


@pytest.mark.parametrize("framing", ["by length", "chunked"])
@pytest.mark.parametrize("offer", ["websocket", "h2c", "anything"])
def test_no_body_of_a_stranger_becomes_a_request_of_a_provider(nginx: Nginx, offer: str, framing: str) -> None:
    with httpx.Client(base_url=nginx.url + OKTA.path, headers=_HEADERS, timeout=30, trust_env=False) as provider:
        name = f"ada-{uuid.uuid4()}"
        user = provider.post("/Users", json={"userName": name}).json()["id"]
        body = b"\r\n" * (_LARGE // 2) + f"DELETE {OKTA.path}/Users/{user} HTTP/1.1\r\nX-Ignore: ".encode()
        head = f"POST {OKTA.path}/Users HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {offer}\r\n".encode()
        if framing == "by length":
            request = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        else:
            request = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        for _ in range(3):
            assert _stranger_sends(nginx.url, request) == b"401"
            found = provider.get(f"/Users/{user}")
            assert (found.status_code, found.json().get("userName")) == (200, name)
