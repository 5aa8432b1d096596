"""Opening connections: to the host that takes writes, straight or through a pooler."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg

from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.postgres.connection import OpenConnection
from scim_server.storage.postgres.credentials import Credentials
from scim_server.storage.postgres.failures import is_for_good, refuses_setting
from scim_server.storage.urls import postgres_hosts, postgres_option

_COMMAND_TIMEOUT = 60.0  # for a PostgreSQL that doesn't answer at all; it ends its own statements before
_HOST_SECONDS = 2.5
"""For one of several hosts: a machine that is gone doesn't say so."""
_HOST_FAILS = (
    OSError,
    asyncpg.PostgresConnectionError,  # a proxy or a pooler that takes the connection, and has nobody behind it
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""Another host may answer."""
_KEPT_STATEMENTS = 256
_LONGEST_KEPT_STATEMENT = 4096
"""Characters. Each of our own has fewer. Clients make up longer ones with filters, and a connection keeps 256."""

_ANYWHERE = {"application_name": "scim-server", "timezone": "UTC"}
"""What poolers keep for each of their clients."""
_SESSION = {
    "jit": "off",  # compiling costs more than any of our statements
    "statement_timeout": "50s",
    "lock_timeout": "30s",
    # A replica that died in the middle gives its locks back:
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "5s",
}
_MIGRATING = {
    **_SESSION,
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    # Writers wait behind a change of a table that waits for a long read. It is tried again.
    "lock_timeout": "3s",
}


class Connector:
    """Opens connections to one database.

    Behind PgBouncer in transaction mode a session is whoever's turn it is: settings of the session are refused at the
    start, and prepared statements that are kept get lost. So each transaction brings its settings, and each statement
    is prepared anew. Whether there is a pooler is found out with each connection: nobody has to say so.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._behind_pooler = False
        """As it was the last time."""
        self._last_host: tuple[str, int] | None = None
        """The one that took writes the last time. It is asked first."""

    async def connect(self, seconds: float, *, migrating: bool = False) -> OpenConnection:
        """Raises what asyncpg raises, `StorageUnavailable`, and TimeoutError after `seconds`."""
        settings = _MIGRATING if migrating else _SESSION
        async with asyncio.timeout(seconds):
            for _ in range(2):
                behind_pooler = self._behind_pooler
                try:
                    connection = await self._connect(settings, behind_pooler=behind_pooler)
                except asyncpg.ProtocolViolationError as error:
                    if behind_pooler or not refuses_setting(error):
                        raise
                else:
                    if await _is_direct(connection) != behind_pooler:
                        if behind_pooler:
                            connection.settings_of_transaction = _as_statements(settings)
                        return connection
                    connection.terminate()
                self._behind_pooler = not behind_pooler
        raise StorageUnavailable("PostgreSQL is not available: a pooler and PostgreSQL itself answer by turns")

    async def _connect(self, settings: Mapping[str, str], *, behind_pooler: bool) -> OpenConnection:
        """To the first host that takes writes."""
        url, password = self._credentials.url(), self._credentials.password()
        options: dict[str, Any] = {
            "connection_class": OpenConnection,
            "password": password,
            "command_timeout": None if settings is _MIGRATING else _COMMAND_TIMEOUT,
            "statement_cache_size": 0 if behind_pooler else _KEPT_STATEMENTS,
            "max_cacheable_statement_size": _LONGEST_KEPT_STATEMENT,
            "server_settings": _ANYWHERE if behind_pooler else {**_ANYWHERE, **settings},
        }
        hosts = postgres_hosts(url)
        connection: OpenConnection
        if not hosts:
            connection = await asyncpg.connect(url, timeout=None, **options)
            return connection
        if postgres_option(url, "target_session_attrs") is None:
            options["target_session_attrs"] = "read-write"
        failures: list[Exception] = []
        for host in sorted(hosts, key=lambda host: host != self._last_host):
            name, port = host
            try:
                connection = await asyncpg.connect(url, host=name, port=port, timeout=_HOST_SECONDS, **options)
            except _HOST_FAILS as error:
                if isinstance(error, asyncpg.PostgresError) and is_for_good(error):
                    raise
                failures.insert(0, error)
            except asyncpg.TargetServerAttributeNotMatched as error:
                failures.append(error)  # a standby, as it should be: what is wrong with the others says more
            else:
                self._last_host = host
                return connection
        raise failures[0]


async def _is_direct(connection: OpenConnection) -> bool:
    try:
        return await connection.is_direct()
    except BaseException:
        connection.terminate()
        raise


def _as_statements(settings: Mapping[str, str]) -> str:
    return "".join(f"SET LOCAL {name} = '{value}'; " for name, value in settings.items())
