"""What every part of the readers and writers works with: one tenant on one connection."""

from datetime import datetime

from scim_server.storage.sqlite.connection import Connection
from scim_server.storage.sqlite.times import microseconds


class ReadSession:
    """Reads of one tenant."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self.tenant = tenant
        self._connection = connection


class WriteSession(ReadSession):
    """A transaction that holds the database's one write lock: nothing else is ever written meanwhile."""

    exclusive = True

    def __init__(self, connection: Connection, tenant: str, now: datetime) -> None:
        super().__init__(connection, tenant)
        self.now = now
        self._now = microseconds(now)
