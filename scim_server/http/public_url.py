"""The URL by which a client knows this server: for `Location`, `meta.location` and `$ref`."""

import re
from collections.abc import MutableMapping
from typing import Any

from scim_server.limits.client_address import TrustedProxies

# It stands in every `location` and `$ref` of an answer, so it may not be longer than a name can be (RFC 1035 §2.3.4).
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{1,64}\])(?::\d{1,5})?")
_URL = re.compile(rf"https?://{_HOST.pattern.decode()}(?:/[A-Za-z0-9._~/-]*)?")


def is_public_url(text: str) -> bool:
    """Whether it is `https://HOST`, with port and path or without: a tenant's URLs are that with more path."""
    return _URL.fullmatch(text) is not None


def names_host(scope: MutableMapping[str, Any]) -> bool:
    """Whether the request names one host, as a server must insist (RFC 9112 §3.2). HTTP/1.0 need not name any."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if not hosts:
        return bool(scope["http_version"] == "1.0")
    return len(hosts) == 1 and (hosts[0] == b"" or _HOST.fullmatch(hosts[0]) is not None)


class PublicUrl:
    """`fixed` when it is configured; else the scheme and host of each request.

    `X-Forwarded-Proto` and `X-Forwarded-Host` count only when the connection comes from one of `proxies`: anybody
    else could make links point elsewhere with them. Raises ValueError where `fixed` is no `is_public_url`.
    """

    def __init__(self, fixed: str | None, proxies: TrustedProxies) -> None:
        if fixed is not None and not is_public_url(fixed):
            raise ValueError("https://HOST is expected as the public URL")
        self._fixed = fixed.rstrip("/") if fixed else None
        self._proxies = proxies

    def of(self, scope: MutableMapping[str, Any]) -> str:
        """Scheme, host and port, such as `https://scim.example.com`, without a final slash."""
        if self._fixed is not None:
            return self._fixed
        headers: dict[bytes, bytes] = dict(scope["headers"])  # of repeated ones the last
        scheme, host = scope["scheme"], headers.get(b"host", b"")
        client = scope.get("client")
        if self._proxies and self._proxies.trusts(client[0] if client else None):
            forwarded = headers.get(b"x-forwarded-proto", b"").rpartition(b",")[2].strip().lower()
            if forwarded in (b"http", b"https"):
                scheme = forwarded.decode()
            host = headers.get(b"x-forwarded-host", host).rpartition(b",")[2].strip()
        if not _HOST.fullmatch(host):
            address, port = scope.get("server") or ("localhost", 80)
            return f"{scheme}://{address}:{port}"
        return f"{scheme}://{host.decode('ascii')}"
