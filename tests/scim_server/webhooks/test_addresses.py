"""Where webhooks may be sent to."""

from ipaddress import ip_address

import pytest

from scim_server.webhooks.addresses import why_refused


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",  # metadata of most clouds
        "fe80::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "fec0::1",
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        # The same in other words
        "::ffff:169.254.169.254",
        "::ffff:127.0.0.1",
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_an_address_that_hands_out_secrets_is_refused(address: str) -> None:
    """engine.md, "Events": "link-local and metadata addresses refused"."""
    assert why_refused(ip_address(address), allow_loopback=False)


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.3.4", "192.168.1.1", "fd12::1", "8.8.8.8", "2600::1"])
def test_private_and_public_addresses_are_allowed(address: str) -> None:
    assert why_refused(ip_address(address), allow_loopback=False) is None


def test_loopback_is_for_local_mode() -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert why_refused(ip_address(address), allow_loopback=True) is None
    assert why_refused(ip_address("169.254.169.254"), allow_loopback=True)
