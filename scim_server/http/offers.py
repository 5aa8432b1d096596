"""Requests that offer another protocol, which are answered in this one (RFC 9110 §7.8).

llhttp, the parser below httptools, believes that an offer is always taken up: after the head of a request with
`Connection: upgrade` and `Upgrade`, whatever protocol that names, it stops. The request's body, which follows all the
same, is lost to it; fed to it again, the body would be read as further requests, made up by whoever wrote it. So a
parser that stopped is never used again: a fresh one reads the head without the offer, then what follows the head.

An ordinary request pays nothing for that.
"""

import re
from collections.abc import Iterable

_OUTSIDE_OF_A_LINE = re.compile(rb"[\r\n\0]")


def head_without_offer(method: bytes, target: bytes, version: str, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The head of a request as it was parsed, but for `Upgrade`. Raises ValueError where that could be read otherwise
    than it was."""
    kept = [(name, value) for name, value in fields if name.lower() != b"upgrade"]
    if any(_OUTSIDE_OF_A_LINE.search(part) for part in (method, target, *(part for field in kept for part in field))):
        raise ValueError("a line of the head holds the end of a line")
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode("ascii")), *(b"%b: %b" % field for field in kept)]
    return b"\r\n".join(lines) + b"\r\n\r\n"
