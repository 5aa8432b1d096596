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
_OF_CERTIFICATES = {
    7: "its certificate is of an authority that isn't trusted",
    9: "its certificate isn't valid yet",
    10: "its certificate has expired",
    18: "its certificate is signed by itself",
    19: "its certificate is of an authority that isn't trusted",
    20: "its certificate is of an authority that isn't trusted",
    21: "its certificate is of an authority that isn't trusted",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
"""By OpenSSL's code."""


def connection_error(error: BaseException) -> str:
    """For an error of aiohttp or of the operating system."""
    if isinstance(error, TimeoutError):
        return "not in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is unknown"
    if isinstance(error, ssl.SSLCertVerificationError):
        cause = getattr(error, "certificate_error", error)  # aiohttp's own error holds the one of TLS
        return _OF_CERTIFICATES.get(getattr(cause, "verify_code", 0), "its certificate isn't valid")
    if isinstance(error, ssl.SSLError):
        return "TLS fails"
    number = error.errno if isinstance(error, OSError) else None
    return _WORDS.get(number or 0, "the connection broke off")
