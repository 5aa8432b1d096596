"""Which replicas of the server there are: read from EndpointSlices, or given as URLs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

MANAGEMENT_PORT = "management"
"""Name of the Service's port behind which the management API is."""


@dataclass(frozen=True, slots=True, order=True)
class Replica:
    """One server process. `url` is the base of its management API, without a slash at the end.

    A replica that isn't ready gets the configuration too (a new one is ready only when it has one), but nobody
    waits for it.
    """

    url: str
    name: str
    ready: bool = True
    tls_name: str | None = None
    """What its certificate has to be for; None: the host of `url`."""


def replicas_in(slices: Iterable[Mapping[str, Any]], tls_name: str | None = None) -> tuple[Replica, ...]:
    """The replicas behind a Service (discovery.k8s.io/v1 EndpointSlices), sorted.

    Their certificates have to be for `tls_name`, since pods come and go with their addresses; without it they are
    spoken to in plain HTTP.
    Terminating endpoints are left out: they take no new requests. An address can stand in two slices while it moves
    from one to the other; it is ready when either says so.
    """
    scheme = "http" if tls_name is None else "https"
    found: dict[str, Replica] = {}
    for piece in slices:
        port = next((port["port"] for port in piece.get("ports") or () if port.get("name") == MANAGEMENT_PORT), None)
        if port is None:
            continue
        for endpoint in piece.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            if conditions.get("terminating"):
                continue
            # Only the first address is used: "Consumers should not use more" (EndpointSlice API).
            host = endpoint["addresses"][0]
            url = f"{scheme}://{f'[{host}]' if piece['addressType'] == 'IPv6' else host}:{port}"
            name = (endpoint.get("targetRef") or {}).get("name") or f"{host}:{port}"
            # `ready` absent means unknown, which "should be interpreted as ready".
            ready = conditions.get("ready") is not False
            known = found.get(url)
            found[url] = Replica(url, name, ready or (known is not None and known.ready), tls_name)
    return tuple(sorted(found.values()))


def replicas_at(urls: Iterable[str], tls_name: str | None = None, *, insecure: bool = False) -> tuple[Replica, ...]:
    """The replicas of a fixed list of management URLs. Raises `ValueError` naming the URL that isn't one, or that
    would send the token over a network in plain HTTP, which only `insecure` allows."""
    try:
        return tuple(
            sorted(
                Replica(management_url(url, insecure=insecure), urlsplit(url).netloc, tls_name=tls_name)
                for url in dict.fromkeys(urls)
            )
        )
    except ValueError as error:
        raise ValueError(f"replica {error}") from None


def management_url(url: str, *, insecure: bool = False) -> str:
    """Of a management port, without a slash at the end. Raises `ValueError` as `replicas_at`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{url!r}: a URL such as https://10.0.0.7:8081 is expected")
    if parts.scheme == "http" and not insecure and not _is_loopback(parts.hostname):
        raise ValueError(f"{url!r}: https:// is expected, for the management token goes there")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
