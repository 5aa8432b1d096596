"""Which of PostgreSQL's errors mean "try again", which "not available", and which that nobody need try."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from scim_server.storage.errors import CredentialsRefused, StorageUnavailable, StorageUnusable

AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,  # a name was taken since the step looked: the next attempt sees by whom
)
"""Another transaction got in the way; the same work may succeed now."""

GONE = (
    OSError,  # TimeoutError too: a statement or a connection took too long
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the connection was closed under our hands
    asyncpg.InternalClientError,  # the same, noticed in the middle of a message
    asyncpg.OperatorInterventionError,  # shut down, starting up, or a time-out on the server's side
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, during a fail-over
)
"""A server that runs goes on: a password is being replaced, a database restored."""

# PgBouncer has one code for all that it refuses, also for what passes by itself. What PostgreSQL says it repeats.
_SETTING_REFUSED = re.compile(r"unsupported startup parameter")
_UNKNOWN_TO_POOLER = re.compile(r'no such (database|user)|(database|role) ".*" does not exist')
_PASSWORD_REFUSED_BY_POOLER = re.compile(r'("trust"|SASL|password|certificate|PAM) authentication failed')

_NO_TLS = "rejected SSL upgrade"
"""asyncpg's words for a server without TLS."""


@contextmanager
def translated() -> Iterator[None]:
    """Raises `StorageUnavailable` in place of `GONE`. Its message never holds the connection's parameters."""
    try:
        yield
    except GONE as error:
        raise StorageUnavailable(f"PostgreSQL is not available: {_reason(error)}") from error


@contextmanager
def translated_at_start() -> Iterator[None]:
    """As `translated`; and `StorageUnusable` for what no waiting mends: a wrong password or certificate, an unknown
    database, settings that asyncpg or PostgreSQL refuse, rights that lack."""
    with translated():
        try:
            yield
        except asyncpg.DeadlockDetectedError as error:  # of a migration and those who write meanwhile
            raise StorageUnavailable(f"PostgreSQL is not available: {_reason(error)}") from error
        except asyncpg.PostgresError as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            raise refusal(f"PostgreSQL can't be used: {error.args[0]}") from error
        except asyncpg.ClientConfigurationError as error:
            raise StorageUnusable(f"PostgreSQL can't be used: {error.args[0]}") from error
        except ssl.SSLCertVerificationError as error:
            raise StorageUnusable(
                f"PostgreSQL can't be used: its certificate is not accepted: {error.verify_message}"
            ) from error
        except ConnectionError as error:
            if _NO_TLS not in str(error):
                raise
            raise StorageUnusable("PostgreSQL can't be used: it doesn't speak TLS, which sslmode asks for") from error


def refuses_setting(error: asyncpg.ProtocolViolationError) -> bool:
    """Whether a pooler doesn't take a setting of the session."""
    return _SETTING_REFUSED.match(str(error.args[0])) is not None


def is_for_good(error: asyncpg.PostgresError) -> bool:
    """Whether no waiting and no other host mends it."""
    return _refusal(error) is not None


def _refusal(error: asyncpg.PostgresError) -> type[StorageUnusable] | None:
    """What to raise for what is for good; None for what may pass."""
    if isinstance(error, asyncpg.ProtocolViolationError):
        message = str(error.args[0])
        if _PASSWORD_REFUSED_BY_POOLER.match(message):
            return CredentialsRefused
        return StorageUnusable if refuses_setting(error) or _UNKNOWN_TO_POOLER.match(message) else None
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return CredentialsRefused
    return (
        None
        if isinstance(error, GONE) and not isinstance(error, asyncpg.InvalidCatalogNameError)
        else StorageUnusable
    )


def _reason(error: BaseException) -> str:
    """The class and, where PostgreSQL or the system said it, the message: asyncpg's own may hold values."""
    name = type(error).__name__
    match error:
        case asyncpg.TargetServerAttributeNotMatched():
            return "no host takes writes"
        case asyncpg.PostgresError(args=(str(message), *_)):
            return f"{name}: {message}"
        case OSError() if error.args:
            return f"{name}: {error}"
        case _:
            return name
