"""The header Authorization (RFC 9110 §11.4), as text: which scheme, and what it carries."""

import base64
import binascii
from dataclasses import dataclass, field

LONGEST_VALUE = 16 << 10
"""Bytes. Issuers put groups and roles into their tokens, but a header of more doesn't get through most proxies."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """RFC 6750 §2.1."""

    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Basic:
    """RFC 7617 §2, as bytes: which character encoding they are in is for the client and the manifests to agree on."""

    user: bytes
    password: bytes = field(repr=False)


def parse_authorization(value: bytes | None) -> Bearer | Basic | None:
    """The credential; None for nothing, another scheme, or what doesn't follow its scheme's form."""
    if value is None or len(value) > LONGEST_VALUE:
        return None
    scheme, _, rest = value.partition(b" ")
    match scheme.lower():
        case b"bearer":
            return Bearer(rest.strip())
        case b"basic":
            return _basic(rest.strip())
    return None


def _basic(encoded: bytes) -> Basic | None:
    try:
        decoded = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return None
    user, colon, password = decoded.partition(b":")
    if not colon or b"\0" in decoded:
        return None
    return Basic(user, password)
