"""The address of a request's client, seen through trusted proxies."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SUBSCRIBER_BITS = 64
"""A subscriber has all IPv6 addresses with the same first half (RFC 6177, and the practice of providers)."""


class TrustedProxies:
    """Addresses or networks whose `X-Forwarded-…` headers count. Raises ValueError for a text that is neither."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._networks: tuple[Network, ...] = tuple(ip_network(text) for text in texts)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def trusts(self, peer: str | None) -> bool:
        """Whether the connection's other end is one of them."""
        address = _parse(peer)
        return address is not None and self._holds(address)

    def client_of(self, peer: str | None, forwarded_for: Sequence[str]) -> str:
        """The client's address, or its network for IPv6; `""` where there is none, as on a Unix socket.

        `forwarded_for`: the values of X-Forwarded-For, in their order. Each proxy appends the address
        that it was asked from. So the last one that isn't a trusted proxy's was appended by a trusted proxy.
        """
        address = _parse(peer)
        if address is None:
            return ""
        hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
        while hops and self._holds(address):
            before = _parse(_without_port(hops.pop()))
            if before is None:
                break
            address = before
        if isinstance(address, IPv6Address):
            return str(ip_network((address, _SUBSCRIBER_BITS), strict=False))
        return str(address)

    def _holds(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _parse(text: str | None) -> Address | None:
    """IPv4 addresses in IPv6 form are taken as what they are."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _without_port(hop: str) -> str:
    """`192.0.2.1:1234` and `[2001:db8::1]:1234`, as some proxies write."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
