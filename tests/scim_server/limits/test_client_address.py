"""Whose request it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.limits.client_address import TrustedProxies

PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8:f::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["203.0.113.9"], "192.0.2.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:50000"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:443"], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:f::1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:1:2:3::4", ["203.0.113.9"], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        (None, ["203.0.113.9"], ""),
        ("unix", [], ""),
    ],
)
def test_the_last_address_that_somebody_trusted_vouches_for(
    peer: str | None, forwarded_for: list[str], client: str
) -> None:
    assert PROXIES.client_of(peer, forwarded_for) == client


@given(st.text(), st.lists(st.text()))
def test_nobody_becomes_somebody_else_without_a_trusted_proxy(text: str, forwarded_for: list[str]) -> None:
    assert PROXIES.client_of("192.0.2.7", [text, *forwarded_for]) == "192.0.2.7"
    assert isinstance(PROXIES.client_of("10.0.0.1", [*forwarded_for, text]), str)


def test_who_is_trusted() -> None:
    assert PROXIES.trusts("10.1.2.3")
    assert PROXIES.trusts("::ffff:10.1.2.3")
    assert not PROXIES.trusts("192.0.2.7")
    assert not PROXIES.trusts(None)
    assert not TrustedProxies().trusts("127.0.0.1")
    with pytest.raises(ValueError, match="proxy"):
        TrustedProxies(["proxy"])
