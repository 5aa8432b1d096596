"""What can be wrong with a replica, in the few words that conditions use."""

from enum import StrEnum


class Fault(StrEnum):
    """A kind of fault. Conditions say the kind alone, which stays the same for as long as the fault does; addresses
    and particulars are in the log and in the metrics."""

    NO_ANSWER = "no answer"
    """Nothing listens there, or it takes too long."""
    CERTIFICATE_REFUSED = "the server's certificate is refused"
    """It isn't of an authority in `--server-ca-file`, not for this name, or not valid now."""
    SERVER_ERROR = "an error of the server"
    """Status 5xx; the log of the server says more."""
    WRONG_ANSWER = "an answer that is not the management API's"
    """Something else answers at that address, such as a proxy."""
    TOKEN_UNREADABLE = "the operator can't read its management token"  # noqa: S105 - words, not a token
    """The file of `--management-token-file` is missing or empty, or may not be read."""
    TOKEN_REFUSED = "the management token is refused"  # noqa: S105
    """The server has another token."""
    CONFIG_REFUSED = "the configuration is refused"
    """The log of the server says why; it goes on with the one it has."""
    TOO_OLD = "the server is older than the operator"
    """It doesn't know the configuration's schemaVersion, or no shards."""
