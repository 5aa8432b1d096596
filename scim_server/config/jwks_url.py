"""Where keys may be fetched from."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def check_jwks_url(url: str) -> str:
    """`url`, when keys may be fetched from it; raises ValueError, which says what was expected.

    https, since who can change the answer on its way can sign tokens; http only from this machine itself.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("an absolute URL is expected") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError("an https URL with a host is expected")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL without user name and password is expected")
    if parts.fragment or any(ord(character) <= 0x20 or ord(character) >= 0x7F for character in url):
        raise ValueError("a URL of visible ASCII without fragment is expected")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("https is expected; http is only for an issuer on the same machine")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
