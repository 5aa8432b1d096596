"""Requests as bytes: they are prepared before the clock starts, so that sending them costs next to nothing."""

import struct
from collections.abc import Iterable, Iterator
from typing import IO
from urllib.parse import urlsplit

_LENGTH = struct.Struct("<I")


def encode_request(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole HTTP/1.1 request. `url` is absolute and percent-encoded."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        *(f"{name}: {headers[name]}" for name in headers),
    ]
    if body:
        lines += ["Content-Type: application/scim+json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def write_requests(file: IO[bytes], requests: Iterable[bytes]) -> None:
    """Each with its length before it."""
    for request in requests:
        file.write(_LENGTH.pack(len(request)))
        file.write(request)


def read_requests(file: IO[bytes]) -> Iterator[bytes]:
    while header := file.read(_LENGTH.size):
        yield file.read(_LENGTH.unpack(header)[0])
