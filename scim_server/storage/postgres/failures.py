"""Which of PostgreSQL's errors mean "try again", and which "not available"."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from scim_server.storage.errors import StorageUnavailable

AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""The transaction was rolled back for the sake of another one; the same work may succeed now."""

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


def _reason(error: BaseException) -> str:
    """The class and, where PostgreSQL itself said it, the message: asyncpg's own may repeat parts of the URL."""
    name = type(error).__name__
    return f"{name}: {error.args[0]}" if isinstance(error, asyncpg.PostgresError) and error.args else name
