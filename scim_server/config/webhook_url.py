"""Where events may be sent to."""

import re
from ipaddress import ip_address

_URL = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:[/?][!-~]*)?")
"""As narrow as for key sets: nothing that two parsers could read differently. No user name, no fragment."""

_SERVICE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+\.svc(\.cluster\.local)?")
"""A Service of the cluster, with or without the domain that clusters usually have."""


def check_webhook_url(url: str) -> str:
    """`url`, when events may be sent to it; raises ValueError, which says what was expected.

    https, since events name people; http only within the cluster, and to this machine (which is local mode's: a
    server in a cluster refuses its own address when it sends).
    """
    found = _URL.fullmatch(url)
    if found is None or "#" in url or int(found[3] or 443) > 65535:
        raise ValueError("a URL https://HOST/PATH is expected, without user name, password and fragment")
    if found[1] == "http" and not (is_loopback(found[2]) or _SERVICE.fullmatch(found[2])):
        raise ValueError(
            "https is expected; http is only for a Service of the cluster (NAME.NAMESPACE.svc) and for the same"
            " machine"
        )
    return url


def is_loopback(host: str) -> bool:
    """Whether the host of a URL is this machine itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
