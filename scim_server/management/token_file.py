"""Management tokens: a file, read again when it changes, so that a token can be replaced without a restart."""

import hmac
import logging
from pathlib import Path

_log = logging.getLogger(__name__)


class ManagementTokens:
    """Compares what is presented with each line of the file, without the white space around it.

    Several lines are for the time in which one token replaces another. Without a file, or while it is empty or
    unreadable, every token is refused.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._tokens: tuple[bytes, ...] = ()

    def accept(self, authorization: str | None) -> bool:
        """`authorization`: the header's value. Constant time in the tokens."""
        self._refresh()
        scheme, _, presented = (authorization or "").partition(" ")
        given = presented.strip().encode("utf-8", "replace")
        same = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(same) and scheme.lower() == "bearer"

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            found = self._path.stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if version != self._seen:
                self._tokens = tuple(line.strip() for line in self._path.read_bytes().splitlines() if line.strip())
                self._seen = version
        except OSError as error:
            if self._seen is not None:
                _log.warning("%s: %s; every management token is refused", self._path, error.strerror)
            self._tokens, self._seen = (), None
