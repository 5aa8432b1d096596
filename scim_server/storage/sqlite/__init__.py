"""Storage in one SQLite file, for one server process: the embedded default."""

from scim_server.storage.sqlite.storage import SqliteStorage

__all__ = ["SqliteStorage"]
