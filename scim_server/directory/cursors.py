"""Cursors (RFC 9865): a position in a list, sealed so that clients can neither read nor make one.

A sealed cursor is `base64url(nonce ‖ AES-256-GCM(issued at, position))`. What it belongs to (tenant, type, filter,
order) is authenticated along with it but not in it. The key is derived from the installation's token key, so every
replica reads the cursors of every other, and a new token key ends them all.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from scim_server.scim.errors import ExpiredCursor, InvalidCursor
from scim_server.storage.records import Position

CURSOR_TIMEOUT_SECONDS = 3600
"""Announced as `cursorTimeout`. The server stores no cursor. The limit lets its form change with a release."""

_NONCE_BYTES = 12
LONGEST = 4096
"""Characters: a cursor has to fit into a URL. The key of a text is its first 256 characters, each up to six bytes of
JSON."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Begins a page: with the resource after `position`, or `backwards` with the one before it."""

    position: Position
    backwards: bool = False


class Cursors:
    """Seals and opens the cursors of one tenant. `token_key` is the installation's."""

    def __init__(self, token_key: bytes, tenant: str) -> None:
        self._cipher = AESGCM(hmac.digest(token_key, f"scim-server cursor 2 {tenant}".encode(), "sha256"))

    def seal(self, cursor: Cursor, belongs_to: str, now: datetime) -> str:
        """`belongs_to`: all that must be the same in the request for the next page."""
        position = cursor.position
        key = position.key
        inside = [
            int(now.timestamp()),
            _microseconds(position.created),
            position.id,
            [_microseconds(key)] if isinstance(key, datetime) else key,
            cursor.backwards,
        ]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, orjson.dumps(inside), _digest(belongs_to))
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def open(self, sealed: str, belongs_to: str, now: datetime) -> Cursor:
        """Raises InvalidCursor, ExpiredCursor."""
        issued, created, resource_id, key, backwards = orjson.loads(self._opened(sealed, belongs_to))
        if issued + CURSOR_TIMEOUT_SECONDS < now.timestamp():
            raise ExpiredCursor(f"cursors are good for {CURSOR_TIMEOUT_SECONDS} s: begin again with an empty one")
        position = Position(_instant(created), resource_id, _instant(key[0]) if isinstance(key, list) else key)
        return Cursor(position, backwards)

    def _opened(self, sealed: str, belongs_to: str) -> bytes:
        try:
            if len(sealed) > LONGEST:
                raise ValueError
            content = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _digest(belongs_to))
        except (InvalidTag, ValueError, binascii.Error):
            raise InvalidCursor(
                "this is no cursor out of an answer to a request with the same filter, sortBy and sortOrder"
            ) from None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _instant(microseconds: Any) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
