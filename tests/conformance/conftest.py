"""The fixtures of `tests.support.serving`."""

from tests.support.serving import (
    application,
    bare_server,
    connection,
    database_url,
    management,
    management_token_file,
    provider,
    server,
)

__all__ = [
    "application",
    "bare_server",
    "connection",
    "database_url",
    "management",
    "management_token_file",
    "provider",
    "server",
]
