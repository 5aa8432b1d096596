"""Storage on PostgreSQL, for any number of server processes."""

from scim_server.storage.postgres.storage import PostgresStorage

__all__ = ["PostgresStorage"]
