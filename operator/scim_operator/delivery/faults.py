"""What can be wrong with a replica, in the few words that conditions use."""

from enum import StrEnum


class Fault(StrEnum):
    """A kind of fault. Conditions say the kind alone, which stays the same for as long as the fault does; addresses
    and particulars are in the log and in the metrics."""

    NO_ANSWER = "no answer"
    CERTIFICATE_REFUSED = "the server's certificate is refused"
    SERVER_ERROR = "an error of the server"
    WRONG_ANSWER = "an answer that is not the management API's"
    TOKEN_UNREADABLE = "the operator can't read its management token"  # noqa: S105 - words, not a token
    TOKEN_REFUSED = "the management token is refused"  # noqa: S105
    CONFIG_REFUSED = "the configuration is refused"
    TOO_OLD = "the server is older than the operator"
    """It doesn't know the configuration's schemaVersion, or no shards."""
