"""Numbered SQL files, applied once each in order: what is the same for both databases.

A file's first line says `-- usable from: N`: the oldest schema whose servers can still work on the database
after this migration. A migration that only adds says its predecessor's N, so that old and new replicas run side
by side during a rollout; one that takes away what is no longer used says the schema that stopped using it.
"""

import re
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files

from scim_server.storage.errors import SchemaTooNew

_FILE = re.compile(r"(\d{4})_\w+\.sql")
_USABLE_FROM = re.compile(r"-- usable from: (\d+)\n")

SERVER_VERSION = version("scim-operator")

CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version     integer PRIMARY KEY,
    usable_from integer NOT NULL,
    server      text    NOT NULL
)
"""
"""Plain enough for both databases. `server`: the version of the server that migrated."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    usable_from: int
    sql: str


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of `schema_migrations`."""

    version: int
    usable_from: int
    server: str


def load(package: str) -> tuple[Migration, ...]:
    """The migrations among the package's files, in order."""
    migrations = []
    for file in files(package).joinpath("migrations").iterdir():
        if named := _FILE.fullmatch(file.name):
            sql = file.read_text(encoding="utf-8")
            header = _USABLE_FROM.match(sql)
            if header is None:
                raise ValueError(f"{file.name}: the first line `-- usable from: N` is missing")
            migrations.append(Migration(int(named[1]), int(header[1]), sql))
    return tuple(sorted(migrations, key=lambda migration: migration.version))


def pending(known: tuple[Migration, ...], newest: Applied | None) -> tuple[Migration, ...]:
    """Those of `known` that are still to be applied. Raises `SchemaTooNew`."""
    ours = known[-1].version
    if newest is None:
        return known
    if newest.usable_from > ours:
        raise SchemaTooNew(
            f"the database has schema {newest.version}, made by scim-server {newest.server}; this scim-server"
            f" ({SERVER_VERSION}) knows schemas up to {ours}: run a newer one"
        )
    return tuple(migration for migration in known if migration.version > newest.version)
