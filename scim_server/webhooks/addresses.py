"""Which addresses webhooks may be sent to.

Who writes a ProvisioningConfig chooses the URL, and the server sends from inside the cluster. What is reached there
without a login is refused: the machine itself, and the services of clouds that hand out credentials. Private
addresses are allowed, since applications in the cluster have them.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_CLOUD_SERVICES = tuple(
    map(
        ip_network,
        (
            "100.100.100.200/32",  # Alibaba Cloud
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle Cloud
            "fd00:ec2::/32",  # AWS
            "fd20:ce::254/128",  # Google Cloud
        ),
    )
)
"""Those that aren't link-local, as 169.254.169.254 is."""
_THIS_NETWORK = ip_network("0.0.0.0/8")
"""Linux takes it for the machine itself."""
_TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 behind a translator (RFC 6052)."""


class AddressRefused(OSError):
    """No connection is made to this address. The message says why."""


class AddressGuard:
    """The `socket_factory` of a connector: it sees each address that is about to be connected to.

    So it holds for addresses in URLs and for those of names alike, and a name can't resolve to another address after
    the check.
    """

    def __init__(self, *, allow_loopback: bool, encrypted: bool) -> None:
        self._allow_loopback = allow_loopback
        self._encrypted = encrypted

    def __call__(self, addr_info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """Raises `AddressRefused`."""
        family, kind, protocol, _, target = addr_info
        address = ip_address(str(target[0]).partition("%")[0])
        reason = why_refused(address, allow_loopback=self._allow_loopback)
        if reason is None and not self._encrypted and address.is_global:
            reason = "https is expected outside of private networks"
        if reason is not None:
            raise AddressRefused(f"the address {address} is refused: {reason}")
        return socket.socket(family, kind, protocol)


def why_refused(address: Address, *, allow_loopback: bool) -> str | None:
    """None: it is allowed."""
    address = _without_translation(address)
    if address.is_loopback:
        return None if allow_loopback else "it is this machine itself"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "it is no machine's address"
    if address.is_multicast or address == IPv4Address("255.255.255.255"):
        return "it is the address of several machines"
    if address.is_link_local or (isinstance(address, IPv6Address) and address.is_site_local):
        return "it is link-local, as services of clouds are"
    if any(address in network for network in _CLOUD_SERVICES):
        return "it is a service of the cloud"
    return None


def _without_translation(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
