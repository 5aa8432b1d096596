"""A SCIM server with one fault: ours, behind a front that changes a request or an answer."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Request:
    method: str
    path: str
    """Below the base URL, with its query."""

    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    def with_json(self, document: Any, status: int | None = None) -> "Answer":
        return Answer(status or self.status, self.headers, json.dumps(document).encode())


Forward = Callable[[Request], Answer]
Fault = Callable[[Request, Forward], Answer]


def scim_error(status: int, detail: str = "no") -> Answer:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    return Answer(status, {"Content-Type": "application/scim+json"}).with_json(body)


@contextmanager
def faulty_server(good: str, fault: Fault, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The SCIM base URL of a server that is like the one at `good`, but for the fault."""
    upstream = urlsplit(good)

    def forward(request: Request) -> Answer:
        connection = HTTPConnection(upstream.hostname or "", upstream.port, timeout=60)
        kept = {name: value for name, value in request.headers.items() if name.lower() in _FORWARDED}
        try:
            connection.request(request.method, upstream.path + request.path, request.body or None, kept)
            answer = connection.getresponse()
            headers = {
                name: value for name, value in answer.getheaders() if name.lower() in ("content-type", "location")
            }
            return Answer(answer.status, headers, answer.read())
        finally:
            connection.close()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.removeprefix(upstream.path)
            answer = fault(Request(self.command, path, body, dict(self.headers)), forward)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}{upstream.path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_FORWARDED = ("authorization", "content-type", "accept", "user-agent")
