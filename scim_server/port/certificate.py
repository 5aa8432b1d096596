"""The certificate of a port: two files, read again when they change, so that it can be replaced without a restart."""

import logging
import ssl
from pathlib import Path

from cryptography import x509

_log = logging.getLogger(__name__)

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption. All of TLS 1.3 have both."""

_Version = tuple[int, int, int] | None


class CertificateUnusable(ValueError):
    """The message names the file and what is wrong with it."""


class Certificate:
    """A chain of certificates and the private key of the first, both PEM.

    `name`, for the log, says whose it is. Each new connection gets what the files hold then; open ones stay as they
    are. While the files can't be used, what they held before goes on. Raises `CertificateUnusable` when they can't be
    used at first.
    """

    def __init__(self, name: str, chain: Path, key: Path) -> None:
        self._name = name
        self._chain = chain
        self._key = key
        self._seen = self._versions()
        self._problem = ""
        self._context, self._expiry = _read(chain, key)

    def context(self) -> ssl.SSLContext:
        """For a connection that begins now."""
        self._look()
        return self._context

    def expiry(self) -> float:
        """When it ends to be valid, in Unix time."""
        self._look()
        return self._expiry

    def is_broken(self) -> bool:
        """Whether the files hold something that can't be used."""
        self._look()
        return self._problem != ""

    def _look(self) -> None:
        # Again when the files changed while they were read: the two may not have belonged together.
        changed = False
        problem = self._problem
        while (versions := self._versions()) != self._seen:
            self._seen = versions
            changed = True
            try:
                self._context, self._expiry = _read(self._chain, self._key)
            except CertificateUnusable as error:
                problem = str(error)
            else:
                problem = ""
        if problem and problem != self._problem:
            _log.error("%s: %s; the certificate before it goes on", self._name, problem)
        elif changed and not problem:
            _log.info("%s is replaced", self._name)
        self._problem = problem

    def _versions(self) -> tuple[_Version, _Version]:
        return _version(self._chain), _version(self._key)


def _version(path: Path) -> _Version:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(chain: Path, key: Path) -> tuple[ssl.SSLContext, float]:
    """A context for new connections, and when the certificate ends to be valid."""
    content = _content(chain)
    _content(key)
    try:
        first = x509.load_pem_x509_certificates(content)[0]
    except ValueError:
        raise CertificateUnusable(f"{chain}: a certificate in PEM is expected") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION  # which costs the server more than the client
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(chain, key, password="")
    except ssl.SSLError as error:
        reason: str | None = error.reason  # None for most of what is no key
        if reason == "KEY_VALUES_MISMATCH":
            raise CertificateUnusable(f"{key}: it isn't the key of the certificate in {chain}") from None
        if reason is not None and reason.startswith(("EE_KEY", "CA_KEY", "CA_MD")):
            raise CertificateUnusable(f"{chain}: a certificate with a stronger key is expected") from None
        raise CertificateUnusable(f"{key}: a private key in PEM, without a password, is expected") from None
    except OSError as error:  # gone since it was read
        raise CertificateUnusable(f"{chain} or {key}: {error.strerror}") from None
    return context, first.not_valid_after_utc.timestamp()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateUnusable(f"{path}: {error.strerror}") from None
