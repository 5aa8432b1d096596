"""The management token: a file, read again when it changes, so that it can be replaced without a restart."""

import hmac
import logging
from pathlib import Path

_log = logging.getLogger(__name__)


class ManagementToken:
    """Compares what is presented with the file's content, without the white space around it.

    Without a file, or while it is empty or unreadable, every token is refused.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._token = b""

    def accepts(self, authorization: str | None) -> bool:
        """`authorization`: the header's value. Constant time in the token."""
        self._refresh()
        scheme, _, presented = (authorization or "").partition(" ")
        same = hmac.compare_digest(presented.strip().encode("utf-8", "replace"), self._token)
        return same and self._token != b"" and scheme.lower() == "bearer"

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            found = self._path.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._token = self._path.read_bytes().strip()
                self._stamp = stamp
        except OSError as error:
            if self._stamp is not None:
                _log.warning("%s: %s; every management token is refused", self._path, error.strerror)
            self._token, self._stamp = b"", None
