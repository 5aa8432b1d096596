"""Numbered SQL files, applied once each in order.

Those up to 10 are of the time when each database had its own: they stand in `postgres/migrations` and
`sqlite/migrations`, and their numbers differ. From 11 on there is one text for both, here, in the words of
`storage.dialect`.

A file's first line says `-- usable from: N`: the oldest schema whose servers can still work on the database after
this migration. A migration that only adds says its predecessor's N, so that old and new replicas run side by side
during a rollout; one that takes away what is no longer used says the schema that stopped using it. SQLite's databases
have one server at a time, so that they may say another number (`1 (sqlite: 11)`).

A comment before a statement may say more of it:

* `-- only: postgresql` (or `sqlite`): the other database has no use for it.
* `-- alone` : it runs in no transaction of the migration, for `CREATE INDEX CONCURRENTLY`. It is the file's only
  statement, and harmless when a crash makes it run twice.
* `-- in batches`: as `-- alone`; it is run again and again, a transaction each, until it changes nothing.

No migration keeps those who write waiting for long: an index of a table with rows is made concurrently, rows are
changed in batches, and no table is written anew.
"""

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Literal, TypeAlias

from scim_server.storage.dialect import POSTGRES, SQLITE
from scim_server.storage.errors import SchemaTooNew, StorageUnusable

Database: TypeAlias = Literal["postgresql", "sqlite"]
Manner: TypeAlias = Literal["together", "alone", "in batches"]

FIRST_COMMON = 11

_FILE = re.compile(r"(\d{4})_\w+\.sql")
_USABLE_FROM = re.compile(r"-- usable from: (\d+)(?: \(sqlite: (\d+)\))?\n")
_ONLY = re.compile(r"^-- only: (\w+)$", re.MULTILINE)
_MANNER = re.compile(r"^-- (alone|in batches)$", re.MULTILINE)
_WORDS: Mapping[Database, Mapping[str, object]] = {"postgresql": POSTGRES, "sqlite": SQLITE}

NEWEST = "SELECT version, usable_from, server FROM schema_migrations ORDER BY version DESC LIMIT 1"

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
    statements: tuple[str, ...]
    manner: Manner = "together"


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of `schema_migrations`."""

    version: int
    usable_from: int
    server: str


def load(database: Database) -> tuple[Migration, ...]:
    """All migrations of a database, in order."""
    package = "scim_server.storage." + ("postgres" if database == "postgresql" else "sqlite")
    migrations = []
    for folder, common in ((files(package).joinpath("migrations"), False), (files(__package__), True)):
        for file in folder.iterdir():
            if named := _FILE.fullmatch(file.name):
                sql = file.read_text(encoding="utf-8")
                migrations.append(_parse(file.name, int(named[1]), sql, database, common=common))
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


def require_newest(known: tuple[Migration, ...], newest: Applied | None) -> None:
    """That nothing of `known` is still to be applied, and nothing else was. Raises `StorageUnusable`."""
    ours = known[-1].version
    if newest is None:
        raise StorageUnusable("there is nothing of scim-server in the database")
    if newest.version != ours:
        raise StorageUnusable(
            f"the database has schema {newest.version}, made by scim-server {newest.server}; this program"
            f" ({SERVER_VERSION}) reads schema {ours}: use the one of the server's version"
        )


def _parse(name: str, number: int, sql: str, database: Database, *, common: bool) -> Migration:
    header = _USABLE_FROM.match(sql)
    if header is None:
        raise ValueError(f"{name}: the first line `-- usable from: N` is missing")
    usable_from = int(header[2] if header[2] and database == "sqlite" else header[1])
    if not common:
        whole = (sql,) if database == "postgresql" else tuple(_statements(sql))
        return Migration(number, usable_from, whole)
    statements, manner = [], None
    for statement in _statements(sql[header.end() :]):
        only, said = _ONLY.search(statement), _MANNER.search(statement)
        manner = said[1] if said else manner
        if only is None or only[1] == database:
            statements.append(statement.format_map(_WORDS[database]))
    if manner is None:
        return Migration(number, usable_from, tuple(statements))
    if len(statements) > 1:
        raise ValueError(f"{name}: a statement that runs {manner} is the only one of its file")
    return Migration(number, usable_from, tuple(statements), "alone" if manner == "alone" else "in batches")


def _statements(sql: str) -> list[str]:
    """One by one, each with the comments before it."""
    statements, current = [], ""
    for line in sql.splitlines(keepends=True):
        current += line
        in_function = current.count("$$") % 2 == 1  # of which SQLite knows nothing
        if not in_function and sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
