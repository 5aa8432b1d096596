"""Shared secrets by their digests, compared in constant time."""

import hmac
from collections.abc import Iterable
from typing import Generic, TypeVar

_C = TypeVar("_C")
_DECOY = bytes(32)


class DigestTable(Generic[_C]):
    """Credentials with their digests (64 hexadecimal digits each)."""

    def __init__(self, entries: Iterable[tuple[str, _C]] = ()) -> None:
        self._entries: tuple[tuple[bytes, _C | None], ...] = tuple(
            (bytes.fromhex(digest), credential) for digest, credential in entries
        ) or ((_DECOY, None),)

    def find(self, digest: bytes) -> list[_C]:
        """Those of that digest. All are compared, whatever the earlier ones gave; an empty table with one as well."""
        return [
            credential
            for expected, credential in self._entries
            if hmac.compare_digest(expected, digest) and credential is not None
        ]
