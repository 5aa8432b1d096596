"""Database URLs."""

import re
from pathlib import Path

_PASSWORD = re.compile(r"(?<=://)([^/@?#]*?):[^/?#]*@|(?<=[?&])(password|passfile|sslpassword)=[^&#]*", re.IGNORECASE)


class InvalidDatabaseUrl(ValueError):
    """Neither of the two kinds. The message doesn't repeat the URL, which may hold a password."""


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return _PASSWORD.sub(lambda match: f"{match[2]}=…" if match[2] else f"{match[1]}:…@", url)


def sqlite_path(url: str) -> Path:
    """`sqlite:///relative/path` or `sqlite:////absolute/path`, as SQLAlchemy and others write it."""
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise InvalidDatabaseUrl("sqlite:///PATH is expected: sqlite:///scim.db, or sqlite:////var/lib/scim.db")
    return Path(path)
