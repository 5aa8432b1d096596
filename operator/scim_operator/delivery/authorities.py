"""The authorities whose certificates the operator accepts from servers: a file, read again when it changes."""

import logging
import ssl
from pathlib import Path

log = logging.getLogger(__name__)


class AuthoritiesUnusable(ValueError):
    """The message names the file and what is wrong with it."""


class Authorities:
    """One or several certificates in PEM, of which each is trusted: while one authority replaces another, both.

    While the file can't be used, what it held before goes on. Raises `AuthoritiesUnusable` when it can't be used at
    first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._version()
        self._context = _read(path)
        self._broken = False

    def context(self) -> ssl.SSLContext:
        """For a connection that begins now."""
        self._look()
        return self._context

    def is_broken(self) -> bool:
        """Whether the file holds something that can't be used."""
        self._look()
        return self._broken

    def _look(self) -> None:
        while (version := self._version()) != self._seen:
            self._seen = version
            try:
                self._context = _read(self._path)
            except AuthoritiesUnusable as error:
                log.error("%s; the authorities before it go on", error)
                self._broken = True
            else:
                log.info("%s: the authorities are replaced", self._path)
                self._broken = False

    def _version(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Whatever stands in the file is trusted, an authority or not that another one has signed.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise AuthoritiesUnusable(f"{path}: certificates in PEM are expected") from None
    except OSError as error:
        raise AuthoritiesUnusable(f"{path}: {error.strerror}") from None
    return context
