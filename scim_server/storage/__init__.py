"""The only place with SQL.

`tables` holds the statements and functions of each table, over a `session`, in the words of `dialect`. `postgres` and
`sqlite` hold what differs: connections, transactions, and a few statements with their reasons.
"""

from scim_server.clock import Clock, utc_now
from scim_server.storage.base import Record
from scim_server.storage.credential_files import NO_FILES, CredentialFiles
from scim_server.storage.protocol import Storage, StorageObserver
from scim_server.storage.urls import InvalidDatabaseUrl, check_postgres_url, sqlite_path, without_password

__all__ = ["InvalidDatabaseUrl", "open_storage", "without_password"]


def open_storage(
    url: str,
    record: Record,
    observer: StorageObserver | None = None,
    clock: Clock = utc_now,
    files: CredentialFiles = NO_FILES,
) -> Storage:
    """The storage at a URL; nothing is connected before its `open`. Raises `InvalidDatabaseUrl`.

    `record` is `changes.record`, but for tests. `files`: where a PostgreSQL's URL and password stand from now on.

    * `sqlite:///relative/path`, `sqlite:////absolute/path`: embedded, for one server process.
    * `postgresql://…`: as libpq writes it, Unix sockets too (`postgresql://user@/database?host=/run/postgresql`).
    """
    # Imported here, so that each needs its own driver only.
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        from scim_server.storage.sqlite import SqliteStorage

        return SqliteStorage(sqlite_path(url), record, observer=observer, clock=clock)
    if scheme in ("postgresql", "postgres"):
        from scim_server.storage.postgres import PostgresStorage

        check_postgres_url(url)
        return PostgresStorage(url, record, files, observer=observer, clock=clock)
    raise InvalidDatabaseUrl("sqlite:///PATH or postgresql://USER@HOST/DATABASE is expected")
