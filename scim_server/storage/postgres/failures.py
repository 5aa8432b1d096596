"""Which of PostgreSQL's errors mean "try again", which "not available", and which that nobody need try."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from scim_server.storage.errors import StorageUnavailable, StorageUnusable

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


@contextmanager
def translated() -> Iterator[None]:
    """Raises `StorageUnavailable` in place of `GONE`. Its message never holds the connection's parameters."""
    try:
        yield
    except GONE as error:
        raise StorageUnavailable(f"PostgreSQL is not available: {_reason(error)}") from error


@contextmanager
def translated_at_start() -> Iterator[None]:
    """As `translated`; and `StorageUnusable` for settings that asyncpg or PostgreSQL refuse, rights that lack."""
    with translated():
        try:
            yield
        except asyncpg.DeadlockDetectedError as error:  # of a migration and those who write meanwhile
            raise StorageUnavailable(f"PostgreSQL is not available: {_reason(error)}") from error
        except asyncpg.PostgresError as error:
            if isinstance(error, GONE):
                raise
            raise StorageUnusable(f"PostgreSQL can't be used: {error.args[0]}") from error
        except asyncpg.ClientConfigurationError as error:
            raise StorageUnusable(f"PostgreSQL can't be used: {error.args[0]}") from error


def _reason(error: BaseException) -> str:
    """The class and, where PostgreSQL or the system said it, the message: asyncpg's own may hold values."""
    name = type(error).__name__
    match error:
        case asyncpg.PostgresError(args=(str(message), *_)):
            return f"{name}: {message}"
        case OSError() if error.args:
            return f"{name}: {error}"
        case _:
            return name
