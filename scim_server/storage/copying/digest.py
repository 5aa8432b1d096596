"""Telling whether two tables hold the same rows, in whatever order they are read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson

_BYTES = 16
_LIMIT = 1 << 8 * _BYTES


@dataclass(slots=True)
class Digest:
    """The sum of the rows' own digests, and how many there are."""

    rows: int = 0
    sum: int = 0

    def add(self, values: Sequence[object]) -> None:
        text = orjson.dumps(values, default=_plain)
        own = hashlib.blake2b(text, digest_size=_BYTES).digest()
        self.rows += 1
        self.sum = (self.sum + int.from_bytes(own)) % _LIMIT

    def __str__(self) -> str:
        return self.sum.to_bytes(_BYTES).hex()


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return [value.days, value.seconds, value.microseconds]
    return value.hex() if isinstance(value, bytes) else str(value)  # asyncpg's UUIDs
