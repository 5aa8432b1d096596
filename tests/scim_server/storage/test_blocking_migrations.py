"""No migration keeps those who write waiting for long. Those up to `FIRST` are older than the rule."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

import scim_server.storage
from tests.scim_server.storage.blocking import blocking_statements
from tests.scim_server.storage.raw_sql import execute
from tests.support.postgres import PostgresServer
from tests.support.storages import open_storage
from tests.upgrade.database import PostgresDatabase
from tests.upgrade.stored import NAMES, read_filled

FIRST = 11


def _migrations() -> Iterator[Path]:
    storage = Path(str(files(scim_server.storage)))
    for folder in (storage / "migrations", storage / "postgres" / "migrations"):
        yield from (file for file in folder.glob("*.sql") if int(file.name[:4]) >= FIRST)


def test_no_migration_blocks_writers_for_long() -> None:
    found = {file.name: blocking_statements(file.read_text()) for file in _migrations()}
    assert {name: statements for name, statements in found.items() if statements} == {}


_REFUSE_TO_REWRITE = (
    """
    CREATE FUNCTION refuse_to_rewrite() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'written anew: %', pg_event_trigger_table_rewrite_oid()::regclass;
    END
    $$
    """,
    "CREATE EVENT TRIGGER refuse_to_rewrite ON table_rewrite EXECUTE FUNCTION refuse_to_rewrite()",
)


@pytest.mark.parametrize("name", NAMES)
async def test_no_migration_rewrites_a_table(name: str, postgres_server: PostgresServer, postgres_dsn: str) -> None:
    database = PostgresDatabase(postgres_server, postgres_dsn.partition("?")[0].rpartition("/")[2])
    database.load(read_filled(name, database.kind).dump)
    for statement in _REFUSE_TO_REWRITE:
        await execute(postgres_dsn, statement)
    storage = open_storage(postgres_dsn)
    await storage.open()
    await storage.close()
    with pytest.raises(asyncpg.RaiseError, match="written anew: users"):
        await execute(postgres_dsn, "ALTER TABLE users ALTER COLUMN version TYPE numeric")


@pytest.mark.parametrize("statement", [
    "CREATE INDEX users_x ON users (tenant, x);",
    "CREATE UNIQUE INDEX users_x ON users (tenant, x);",
    "-- a comment; with a semicolon\nCREATE INDEX users_x ON users (tenant, x);",
    "CREATE INDEX CONCURRENTLY users_x ON users (tenant, x);",  # in a transaction with others
    "UPDATE users SET state = 'blocked' WHERE NOT active;",
    "-- in batches\nUPDATE users SET state = 'blocked' WHERE NOT active;",
    "UPDATE users SET x = 1 WHERE id IN (SELECT id FROM users LIMIT 5000);",  # once
    "DELETE FROM memberships;",
    "INSERT INTO due (tenant, subject) SELECT tenant, id FROM users;",
    "INSERT INTO users_state SELECT u.id FROM tenants t JOIN users u ON u.tenant = t.tenant;",
    "ALTER TABLE users ALTER COLUMN version TYPE numeric;",
    "ALTER TABLE users ALTER state SET NOT NULL;",
    "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    "ALTER TABLE users ADD COLUMN x text, ADD COLUMN y bigint GENERATED ALWAYS AS (version + 1) STORED;",
    "ALTER TABLE users ADD COLUMN x text UNIQUE;",
    "ALTER TABLE users ADD UNIQUE (tenant, x);",
    "ALTER TABLE users ADD PRIMARY KEY (tenant, x);",
    "ALTER TABLE users ADD CONSTRAINT short CHECK (length(x) < 10);",
    "ALTER TABLE users SET UNLOGGED;",
    "LOCK TABLE users IN SHARE MODE;",
    "CLUSTER users USING users_created;",
    "REINDEX TABLE users;",
])  # fmt: skip
def test_what_blocks_writers(statement: str) -> None:
    assert len(blocking_statements(f"CREATE TABLE x (y text);\n{statement}")) == 1


@pytest.mark.parametrize("migration", [
    "CREATE TABLE due (at timestamptz);\nCREATE INDEX due_at ON due (at);\nUPDATE due SET at = NULL;",
    "-- alone\nCREATE INDEX CONCURRENTLY IF NOT EXISTS users_x ON users (tenant, x) WHERE x <> ';';",
    "-- alone\nCREATE INDEX {concurrently} users_x ON users (tenant, x);",
    "-- in batches\nUPDATE users SET x = 1 WHERE id IN (SELECT id FROM users WHERE x IS NULL LIMIT 5000);",
    "-- only: sqlite\nDELETE FROM sqlite_stat1;",
    "INSERT INTO roles (tenant, role) SELECT tenant, unnest(base_roles) FROM tenants;",
    "ALTER TABLE users ADD COLUMN state text COLLATE \"C\" NOT NULL DEFAULT 'active', ADD COLUMN at timestamptz;",
    "ALTER TABLE users DROP COLUMN x;\nALTER TABLE unsettled RENAME TO pending;",
    "ALTER TABLE users ADD CONSTRAINT short CHECK (length(x) < 10) NOT VALID;",
    "ALTER TABLE users VALIDATE CONSTRAINT short;",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE users SET x = 1; RETURN NULL; END $$;",
    "DROP TRIGGER users_changed ON users;",
])  # fmt: skip
def test_what_blocks_nobody_for_long(migration: str) -> None:
    assert blocking_statements(migration) == []
