"""Where keys may be fetched from."""

import re

from scim_server.config.webhook_url import is_loopback

_URL = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:[/?][!-~]*)?")
"""Narrower than RFC 3986 on purpose: nothing that two parsers could read differently. No user name, no fragment."""


def check_jwks_url(url: str) -> str:
    """`url`, when keys may be fetched from it; raises ValueError, which says what was expected.

    https, since who can change the answer on its way can sign tokens; http only from this machine itself.
    """
    found = _URL.fullmatch(url)
    if found is None or "#" in url or int(found[3] or 443) > 65535:
        raise ValueError("a URL https://HOST/PATH is expected, without user name, password and fragment")
    if found[1] == "http" and not is_loopback(found[2]):
        raise ValueError("https is expected; http is only for an issuer on the same machine")
    return url
