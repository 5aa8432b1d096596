"""Content codings of request bodies (RFC 9110 §8.4): what proxies and scripts compress."""

import zlib
from collections.abc import Iterator, Sequence

from scim_server.scim.errors import InvalidSyntax

ACCEPTED_CODINGS = "gzip, deflate"
"""As the header Accept-Encoding names them."""

_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}  # RFC 9110 §8.4.1.3: both names of gzip are one
_PIECE_BYTES = 64 << 10
_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class UnknownCoding(Exception):
    """The body has a coding that isn't read here, or more than one."""


def coding_of(content_encodings: Sequence[str]) -> str | None:
    """`gzip`, `deflate`, or None where the body is as it is. The values of all headers Content-Encoding.

    Raises UnknownCoding.
    """
    names = [name.strip().lower() for value in content_encodings for name in value.split(",")]
    named = [name for name in names if name not in ("", "identity")]
    if not named:
        return None
    if len(named) > 1 or named[0] not in _CODINGS:
        raise UnknownCoding(", ".join(named))
    return _CODINGS[named[0]]


class Unpacking:
    """One compressed body. However well it is compressed, no more of it is in memory than a piece."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._stream: zlib._Decompress | None = None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What the next bytes of the body unpack to. Raises InvalidSyntax."""
        if self._stream is None:
            self._stream = zlib.decompressobj(self._window(chunk[0]))
        piece = b""
        while chunk or len(piece) == _PIECE_BYTES:  # a full piece may have left some behind
            if self._stream.eof:
                break
            try:
                piece = self._stream.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                raise InvalidSyntax(f"the body isn't {self._coding}, as its Content-Encoding says") from None
            chunk = self._stream.unconsumed_tail
            yield piece
        if chunk or self._stream.unused_data:
            raise InvalidSyntax(f"the body goes on after the end of its {self._coding} stream")

    def end(self) -> None:
        """Raises InvalidSyntax where the body isn't complete. One without a byte is an empty one."""
        if self._stream is not None and not self._stream.eof:
            raise InvalidSyntax(f"the body ends within its {self._coding} stream")

    def _window(self, first_byte: int) -> int:
        """RFC 9110 §8.4.1.2: deflate is meant in the zlib format, but some send it without."""
        if self._coding == "gzip":
            return _GZIP
        return _ZLIB if first_byte & 0x0F == zlib.DEFLATED else _BARE
