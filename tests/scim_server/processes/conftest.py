"""The databases and the configuration of `tests.support.serving`, for servers that are processes."""

from tests.support.serving import connection, database_url

__all__ = ["connection", "database_url"]
