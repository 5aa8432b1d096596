"""The certificates and keys that a URL or the environment names. asyncpg's errors don't say which file they mean."""

import os
import ssl
from pathlib import Path

from scim_server.storage.errors import StorageUnusable
from scim_server.storage.urls import postgres_option


def check_tls_files(url: str) -> None:
    """Raises `StorageUnusable` naming the parameter and the file."""
    names = ("sslrootcert", "sslcrl", "sslcert", "sslkey")
    named = {name: postgres_option(url, name) or os.environ.get(f"PG{name.upper()}") for name in names}
    for name, file in named.items():
        if file:
            _check_readable(name, file)
    for name in ("sslrootcert", "sslcrl"):
        if file := named[name]:
            _check_authorities(name, file)
    if certificate := named["sslcert"]:
        _check_pair(certificate, named["sslkey"], postgres_option(url, "sslpassword") or "")


def _check_readable(name: str, file: str) -> None:
    try:
        Path(file).read_bytes()
    except OSError as error:
        raise StorageUnusable(f"{name}: {file}: {error.strerror}") from None


def _check_authorities(name: str, file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise StorageUnusable(f"{name}: {file}: PEM is expected") from None


def _check_pair(certificate: str, key: str | None, password: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, lambda: password)
    except (ssl.SSLError, OSError):
        raise StorageUnusable(
            f"sslcert: {certificate}: a certificate in PEM is expected, and its key in"
            f" {key or 'the same file'} (sslkey), readable with sslpassword where it is encrypted"
        ) from None
