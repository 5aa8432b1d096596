"""What went wrong with a connection, in few words of ours: those of libraries repeat addresses and settings, and
change with their versions."""

import errno
import ssl

import aiohttp

_WORDS = {
    errno.ECONNREFUSED: "the connection is refused",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.ENETUNREACH: "there is no route to it",
    errno.ETIMEDOUT: "not in time",
}


def connection_error(error: BaseException) -> str:
    """For an error of aiohttp or of the operating system."""
    if isinstance(error, TimeoutError):
        return "not in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is unknown"
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return "TLS fails"
    number = error.errno if isinstance(error, OSError) else None
    return _WORDS.get(number or 0, "the connection broke off")
