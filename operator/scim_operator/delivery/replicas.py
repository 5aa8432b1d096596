"""Which replicas of the server there are: read from EndpointSlices, or given as URLs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def replicas_in(slices: Iterable[Mapping[str, Any]]) -> tuple[Replica, ...]:
    """The replicas behind a Service (discovery.k8s.io/v1 EndpointSlices), sorted.

    Terminating endpoints are left out: they take no new requests. An address can stand in two slices while it moves
    from one to the other; it is ready when either says so.
    """
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
            url = f"http://[{host}]:{port}" if piece["addressType"] == "IPv6" else f"http://{host}:{port}"
            name = (endpoint.get("targetRef") or {}).get("name") or f"{host}:{port}"
            # `ready` absent means unknown, which "should be interpreted as ready".
            ready = conditions.get("ready") is not False
            known = found.get(url)
            found[url] = Replica(url, name, ready or (known is not None and known.ready))
    return tuple(sorted(found.values()))


def replicas_at(urls: Iterable[str]) -> tuple[Replica, ...]:
    """The replicas of a fixed list of management URLs. Raises `ValueError` naming the URL that isn't one."""
    return tuple(sorted(Replica(_checked(url), urlsplit(url).netloc) for url in dict.fromkeys(urls)))


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(f"replica {url!r}: a URL such as http://10.0.0.7:8081 is expected")
    return url.rstrip("/")
