"""Tokens of the feed: how far an application has read a tenant's events.

A token isn't signed. It is for a credential that may read all events anyway, and it must stay good for as long as
the events are kept, whatever happens to keys, replicas and releases. It holds a position, and the beginning of the
id of the event there: so it is noticed when a database was restored and counts the positions a second time.
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

_FORM = struct.Struct(">B4sQ8s")
_VERSION = 1
_NO_EVENT = bytes(8)
_HIGHEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FeedToken:
    position: int
    """Everything up to here has been read."""
    event: bytes = _NO_EVENT
    """The beginning of the id of the event at the position, unless the token doesn't come from one."""

    @classmethod
    def at(cls, position: int, event_id: str) -> "FeedToken":
        return cls(position, bytes.fromhex(event_id.replace("-", ""))[:8])

    def is_of(self, event_id: str | None) -> bool:
        """Whether this is the event at the position. An unknown one is taken for it."""
        return event_id is None or self.event in (_NO_EVENT, FeedToken.at(0, event_id).event)

    def text(self, tenant: str) -> str:
        return base64.urlsafe_b64encode(_FORM.pack(_VERSION, _mark(tenant), self.position, self.event)).decode(
            "ascii"
        )


def parse_token(text: str, tenant: str) -> FeedToken | None:
    """None for what isn't a token of the tenant."""
    try:
        content = base64.b64decode(text, altchars=b"-_", validate=True)
        version, mark, position, event = _FORM.unpack(content)
    except (ValueError, binascii.Error, struct.error):
        return None
    if version != _VERSION or mark != _mark(tenant) or position > _HIGHEST:
        return None
    return FeedToken(position, event)


def _mark(tenant: str) -> bytes:
    return hashlib.sha256(tenant.encode()).digest()[:4]
