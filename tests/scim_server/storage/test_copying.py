"""`scim-server copy`: everything that SQLite holds is in PostgreSQL, or nothing is."""

import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from scim_server.config import AttributeRule
from scim_server.provisioning.roles import HeldGrant
from scim_server.scim.filter import parse
from scim_server.scim.resource_types import USER_TYPE
from scim_server.storage.copying import CopyFailed, copy_to_postgres
from scim_server.storage.copying.tables import SQLITE_ALONE
from scim_server.storage.errors import StorageUnusable
from scim_server.storage.records import Page, Query, UserRecord
from scim_server.storage.tables.captures import Capture
from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.causes import REQUESTED
from tests.support.migrated import make_sqlite
from tests.support.pgbouncer import PgBouncer
from tests.support.policies import policy_of
from tests.support.postgres import database_of
from tests.support.storages import open_storage

KEPT = timedelta(days=30)
EXPIRES = datetime(2035, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
TENANT, DEPARTED = "acme/okta", "acme/left"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_sqlite(tmp_path / "scim.db")
    return tmp_path / "scim.db"


async def _fill(path: Path) -> list[str]:
    """Rows in every table; returns ids of users."""
    storage = open_storage(f"sqlite:///{path}")
    await storage.open()
    steps = Steps(storage, TENANT)
    staff = ('user.userName.endsWith("example")', ["staff"])
    await steps.put_rules(
        rules((named("Admins"), ["admin"]), staff, base=["viewer"], fallback=["guest"], protected=["held"]), 3
    )
    ids = [
        await steps.add_user(
            f"Élan{number}@Acme.example",
            active=number % 7 > 0,
            displayName=f"Δ {number}",
            externalId=f"X{number}",
            emails=[{"value": f"E{number}@acme.example"}],
            roles=[{"value": "Provided"}],
        )
        for number in range(14)
    ]
    inner = await steps.add_group("Admins", ids[:5], externalId="g1")
    await steps.add_group("All", [inner, *ids[9:]])
    await storage.write(TENANT, lambda writer: writer.lock_user(ids[0]), REQUESTED)
    await storage.keep_captures(TENANT, [Capture(str(uuid.uuid4()), EXPIRES, "{}")])
    held = await steps.add_user("held")
    await steps.add_group("Held", [held])
    await steps.delete_user(held)
    gone = await steps.add_user("gone")
    await steps.delete_user(gone)
    await steps.deliver_again("crm")
    await storage.use_assertion(TENANT, b"\x00\xff", EXPIRES)
    await storage.note_uses({(TENANT, "provision"): EXPIRES})
    other = Steps(storage, DEPARTED)
    await other.add_user("ann")
    await other.put_rules(rules((named("Admins"), ["admin"])), 4)
    await storage.write(DEPARTED, lambda writer: writer.depart(KEPT, 5), exclusive=True)
    attributes = [AttributeRule(mapping="acme/attributes", target="organization", path="title")]
    granting = rules((named("Admins"), ["boss"]), staff).config.rules
    await steps.put_rules(policy_of(granting, ["viewer"], attributes=attributes), 6, work_off=False)
    lost = [HeldGrant("admin", "acme/roles", "r0", group_id=inner)]
    await storage.write(TENANT, lambda writer: writer.hold_grants("h1", lost), exclusive=True)
    await storage.close()
    return ids


def _tables_with_rows(path: Path) -> set[str]:
    """All that are to be copied: with an empty one a test would prove less than it seems to."""
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        names -= SQLITE_ALONE | {"sqlite_stat1", "sqlite_sequence"}
        filled = {name for name in names if connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]}
    assert filled == names
    return names


async def _all_users(steps: Steps) -> Page[UserRecord]:
    return await steps.users(Query(filter=parse("userName pr", USER_TYPE), count=1000))


async def test_everything_is_copied(path: Path, postgres_dsn: str, pgbouncer: PgBouncer) -> None:
    ids = await _fill(path)
    names = _tables_with_rows(path)
    before = path.read_bytes()  # noqa: ASYNC240 - nothing else runs
    lines: list[str] = []
    url = pgbouncer.dsn(database_of(postgres_dsn))  # which is the harder way

    await copy_to_postgres(path, url, lines.append)

    assert path.read_bytes() == before  # noqa: ASYNC240
    assert {line.partition(":")[0] for line in lines} == names
    assert next(line for line in lines if line.startswith("users:")).startswith("users: 15 rows, digest ")
    session = await asyncpg.connect(postgres_dsn)
    tables = await session.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await session.close()
    assert {name for (name,) in tables} == {*names, "schema_migrations"}

    old, new = open_storage(f"sqlite:///{path}"), open_storage(postgres_dsn)
    for storage in (old, new):
        await storage.open()
    there, here = Steps(old, TENANT), Steps(new, TENANT)
    assert await _all_users(here) == await _all_users(there)
    for user_id in ids:
        assert await here.user(user_id) == await there.user(user_id)
    for filter_ in ('displayName eq "δ 3"', 'emails.value eq "E4@ACME.example"', "active eq false"):
        found = await here.find_users(filter_)
        assert found == await there.find_users(filter_) != set()
    assert await new.uses() == await old.uses()
    assert await new.revisions() == await old.revisions() == {TENANT: 6, DEPARTED: 5}
    assert await new.next_due() == await old.next_due()
    assert await new.pending_tenants() == await old.pending_tenants() == [TENANT]
    assert not await new.use_assertion(TENANT, b"\x00\xff", EXPIRES)
    for steps in (here, there):  # the copy goes on as the original would
        await steps.work_off()
        await steps.add_user("new")
        assert await steps.roles(ids[1]) == {"boss", "staff", "viewer", "admin"}  # whose loss is held
    users = await _all_users(here)
    assert users.total == (await _all_users(there)).total == len(ids) + 1
    for storage in (old, new):
        await storage.close()


def _copy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scim_server.cli", "copy", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


async def test_the_command(path: Path, postgres_dsn: str, tmp_path: Path) -> None:
    await _fill(path)
    file = tmp_path / "url"
    file.write_text(f"{postgres_dsn}\n")
    result = _copy("--from", f"sqlite:///{path}", "--to-url-file", str(file))
    assert (result.returncode, result.stderr) == (0, "")
    assert "users: 15 rows, digest " in result.stdout
    again = _copy("--from", f"sqlite:///{path}", "--to", postgres_dsn)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("scim-server: the target is not empty: ")
    assert "users" in again.stderr


async def test_what_is_to_be_set_right_first(path: Path, postgres_dsn: str, tmp_path: Path) -> None:
    async def refusal(source: Path) -> str:
        with pytest.raises(StorageUnusable) as raised:
            await copy_to_postgres(source, postgres_dsn, print)
        return str(raised.value)

    server = open_storage(f"sqlite:///{path}")
    await server.open()
    assert "is in use: stop the server first" in await refusal(path)
    await server.close()
    assert "does not exist" in await refusal(tmp_path / "none.db")
    assert "a file is expected" in await refusal(tmp_path)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    assert "it is none of scim-server" in await refusal(tmp_path / "other.db")
    await execute(f"sqlite:///{path}", "DELETE FROM schema_migrations WHERE version > 12")
    assert "start this version on it once" in await refusal(path)
    assert "does not exist" in await refusal(tmp_path / "none.db")  # nor was it made by looking


async def test_a_copy_that_fails_leaves_nothing_and_may_be_repeated(path: Path, postgres_dsn: str) -> None:
    await _fill(path)
    target = open_storage(postgres_dsn)
    await target.open()
    # A PostgreSQL that doesn't hold what it was given.
    await execute(
        postgres_dsn,
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
        "CREATE TRIGGER lossy BEFORE INSERT ON tombstones FOR EACH ROW EXECUTE FUNCTION lose()",
    )
    with pytest.raises(CopyFailed, match="tombstones: PostgreSQL holds other rows than SQLite"):
        await copy_to_postgres(path, postgres_dsn, print)
    assert await Steps(target, TENANT).find_users("userName pr") == set()
    await execute(postgres_dsn, "DROP TRIGGER lossy ON tombstones")
    await copy_to_postgres(path, postgres_dsn, print)
    assert len(await Steps(target, TENANT).find_users("userName pr")) == 14
    await target.close()
