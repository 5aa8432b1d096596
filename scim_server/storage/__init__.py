"""The only place with SQL: one protocol, two implementations (PostgreSQL, SQLite), their migrations."""

from scim_server.storage.protocol import Storage, StorageObserver
from scim_server.storage.urls import InvalidDatabaseUrl, check_postgres_url, sqlite_path, without_password

__all__ = ["InvalidDatabaseUrl", "open_storage", "without_password"]


def open_storage(url: str, observer: StorageObserver | None = None) -> Storage:
    """The storage at a URL; nothing is connected before its `open`. Raises `InvalidDatabaseUrl`.

    * `sqlite:///relative/path`, `sqlite:////absolute/path`: embedded, for one server process.
    * `postgresql://…`: as libpq writes it, Unix sockets too (`postgresql://user@/database?host=/run/postgresql`).
    """
    # Imported here, so that each needs its own driver only.
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        from scim_server.storage.sqlite import SqliteStorage

        return SqliteStorage(sqlite_path(url), observer=observer)
    if scheme in ("postgresql", "postgres"):
        from scim_server.storage.postgres import PostgresStorage

        check_postgres_url(url)
        return PostgresStorage(url, observer=observer)
    raise InvalidDatabaseUrl("sqlite:///PATH or postgresql://USER@HOST/DATABASE is expected")
