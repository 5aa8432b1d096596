"""Opening: URLs, migrations, databases that are newer or not there."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest

from scim_server.provisioning.policy import NO_POLICY
from scim_server.storage import InvalidDatabaseUrl, without_password
from scim_server.storage.errors import SchemaTooNew, StorageUnavailable, StorageUnusable
from scim_server.storage.migrations import FIRST_COMMON, SERVER_VERSION, Database, load
from tests.scim_server.storage.raw_sql import execute
from tests.scim_server.storage.steps import Steps
from tests.support.postgres import PostgresServer
from tests.support.storages import open_storage


async def test_opening_again_changes_nothing(fresh_url: str) -> None:
    for round_ in range(2):
        storage = open_storage(fresh_url)
        await storage.open()
        await storage.ping()
        steps = Steps(storage, "acme/okta")
        await steps.add_user(f"u{round_}")
        assert len(await steps.find_users("userName pr")) == round_ + 1
        await storage.close()


async def test_probes_while_it_opens_take_nothing(fresh_url: str) -> None:
    storage = open_storage(fresh_url)
    opening = asyncio.create_task(storage.open())
    while not opening.done():
        with suppress(StorageUnavailable):
            await storage.ping()
        await asyncio.sleep(0)
    await opening
    assert storage.usage().in_use == 0
    async with asyncio.timeout(60):
        await asyncio.gather(*(storage.ping() for _ in range(3 * storage.usage().limit)))
    await storage.close()


async def test_several_servers_may_migrate_at_once(fresh_url: str) -> None:
    storages = [open_storage(fresh_url) for _ in range(4)]
    await asyncio.gather(*(storage.open() for storage in storages))
    for storage in storages:
        await storage.ping()
        await storage.close()


async def test_a_database_is_opened_as_it_is_beside_a_server(fresh_url: str) -> None:
    as_it_is = open_storage(fresh_url)
    with pytest.raises(StorageUnusable, match=r"does not exist|nothing of scim-server"):
        await as_it_is.open(migrate=False)

    server = open_storage(fresh_url)
    await server.open()
    await Steps(server, "acme/okta").put_rules(NO_POLICY, 1)
    await as_it_is.open(migrate=False)
    assert await as_it_is.tenants() == ["acme/okta"]
    await as_it_is.close()
    await Steps(server, "acme/okta").add_user("after")
    await server.close()

    await execute(fresh_url, "INSERT INTO schema_migrations VALUES (99, 1, '7.8.9')")
    with pytest.raises(StorageUnusable, match=r"schema 99, made by scim-server 7\.8\.9.*use the one of the server's"):
        await open_storage(fresh_url).open(migrate=False)


async def test_a_newer_schema_is_refused_naming_both(fresh_url: str) -> None:
    storage = open_storage(fresh_url)
    await storage.open()
    await storage.close()
    await execute(fresh_url, "INSERT INTO schema_migrations VALUES (99, 98, '7.8.9')")
    with pytest.raises(SchemaTooNew, match=r"schema 99.*7\.8\.9.*" + SERVER_VERSION.replace(".", r"\.")):
        await open_storage(fresh_url).open()


async def test_a_newer_schema_that_only_adds_is_usable(fresh_url: str) -> None:
    storage = open_storage(fresh_url)
    await storage.open()
    await storage.close()
    await execute(fresh_url, "INSERT INTO schema_migrations VALUES (99, 1, '7.8.9')")
    storage = open_storage(fresh_url)
    await storage.open()
    await storage.ping()
    await storage.close()


@pytest.mark.parametrize("database", get_args(Database))
def test_migrations_are_numbered_in_order(database: Database) -> None:
    migrations = load(database)
    numbers = [migration.version for migration in migrations]
    old, common = [n for n in numbers if n < FIRST_COMMON], [n for n in numbers if n >= FIRST_COMMON]
    assert old == [*range(1, len(old) + 1)]
    assert common == [*range(FIRST_COMMON, FIRST_COMMON + len(common))]
    assert all(1 <= migration.usable_from <= migration.version for migration in migrations)


@pytest.mark.parametrize("url", ["", "scim.db", "mysql://x", "sqlite://", "sqlite:///", "sqlite:scim.db"])
def test_other_urls_are_refused_saying_what_is_expected(url: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match=r"sqlite:///"):
        open_storage(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@db:5432/scim?sslmode=require", "postgresql://ann:…@db:5432/scim?sslmode=require"),
        ("postgresql://ann@db/scim?user=x&password=s3cret&a=b", "postgresql://ann@db/scim?user=x&password=…&a=b"),
        ("postgresql://db/scim", "postgresql://db/scim"),
        ("postgresql://ann:s3@cret@db/scim", "postgresql://ann:…@db/scim"),
        ("sqlite:////var/lib/scim.db", "sqlite:////var/lib/scim.db"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3c/ret@db/scim",
        "postgresql://ann:s3c#ret@db/scim",
        "postgresql://ann:s3c?ret@db/scim",
        "postgresql://ann:s3c@x:ret@db/scim",
        "postgresql://ann:s3cret@[::1/scim",
        "postgresql://ann:s3cret@db:99999/scim",
        "postgresql://ann:s3cret@db/scim?port=s3cret",
        "postgresql://ann:s3cret@db/scim?s3cret",
    ],
)
def test_a_malformed_url_is_refused_without_any_part_of_it(url: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match="password written as") as caught:
        open_storage(url)
    assert not any(part in str(caught.value) for part in ("s3c", "ret@", "ann"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@/test?host=/run/postgresql&port=5432",
        "postgres://ann:s3%2Fc%40ret@db:5432,other:5433/scim?sslmode=require",
        "postgresql://ann:a:b@[2001:db8::1]:5432/scim",
        "postgresql:///scim",
        "postgresql://ann@%2Frun%2Fpostgresql/scim",
        "postgresql://db/scim?user=ann@server&password=s3cret",
    ],
)
def test_what_libpq_understands_is_taken(url: str) -> None:
    assert open_storage(url).usage().opened == 0


async def test_a_directory_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageUnusable, match="a file is expected"):
        await open_storage(f"sqlite:///{tmp_path}").open()


async def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/a/b/scim.db")
    await storage.open()
    await storage.close()


async def test_a_database_that_is_not_there(run_directory: Path) -> None:
    for url in (
        f"postgresql://ann:s3cret@/scim?host={run_directory}/nowhere",
        "postgresql://ann:s3cret@127.0.0.1:1/scim",
        "postgresql://ann:s3cret@no-such-host.invalid/scim",
        "postgresql://ann:s3cret@127.0.0.1:1,no-such-host.invalid/scim",
    ):
        with pytest.raises(StorageUnavailable) as raised:
            await open_storage(url).open()
        assert "s3cret" not in str(raised.value)


async def test_what_no_waiting_mends_is_unusable(postgres_server: PostgresServer) -> None:
    for url, complaint in (
        (postgres_server.dsn("no_such_database"), 'database "no_such_database" does not exist'),
        (postgres_server.dsn().replace("//postgres@", "//nobody@"), 'role "nobody" does not exist'),
    ):
        with pytest.raises(StorageUnusable, match=complaint):
            await open_storage(url).open()


async def test_a_storage_that_is_not_open_is_unavailable(fresh_url: str) -> None:
    storage = open_storage(fresh_url)
    with pytest.raises(StorageUnavailable):
        await storage.write("acme/okta", lambda writer: writer.user("x"))


async def test_opening_that_failed_may_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "scim.db"
    storage = open_storage(f"sqlite:///{path}")
    path.mkdir()
    for _ in range(2):
        with pytest.raises(StorageUnusable):
            await storage.open()
    path.rmdir()
    await storage.open()
    steps = Steps(storage, "acme/okta")
    await steps.add_user("ann")
    assert await asyncio.gather(*(steps.find_users("userName pr") for _ in range(20))) == [{"ann"}] * 20
    assert storage.usage().opened == storage.usage().limit
    await storage.close()
    assert storage.usage().opened == 0


async def test_a_file_that_is_no_database_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "scim.db"
    path.write_text("This is not a database. " * 100)
    with pytest.raises(StorageUnusable, match=r"scim\.db: file is not a database"):
        await open_storage(f"sqlite:///{path}").open()


async def test_a_damaged_database_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "scim.db"
    storage = open_storage(f"sqlite:///{path}")
    await storage.open()
    await storage.close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    with pytest.raises(StorageUnusable, match=r"scim\.db: database disk image is malformed"):
        await open_storage(f"sqlite:///{path}").open()


async def test_a_file_in_place_of_the_folder_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageUnusable, match=r"data/scim\.db: File exists"):
        await open_storage(f"sqlite:///{tmp_path}/data/scim.db").open()


async def test_settings_that_postgresql_refuses_are_told_once(postgres_server: PostgresServer) -> None:
    dsn = postgres_server.dsn("postgres")
    for settings, complaint in (
        ("sslmode=requird", "`sslmode` parameter must be one of: disable, .*require"),
        ("serch_path=x", 'unrecognized configuration parameter "serch_path"'),
    ):
        with pytest.raises(StorageUnusable, match=complaint) as raised:
            await open_storage(f"{dsn}&password=s3cret&{settings}").open()
        assert "s3cret" not in str(raised.value)


async def test_rights_that_lack_are_told(postgres_dsn: str) -> None:
    await execute(postgres_dsn, "CREATE SCHEMA sealed")
    await execute(postgres_dsn, "CREATE ROLE guest LOGIN")
    await execute(postgres_dsn, "GRANT USAGE ON SCHEMA sealed TO guest")
    guest = postgres_dsn.replace("://postgres@", "://guest@") + "&search_path=sealed"
    with pytest.raises(StorageUnusable, match="permission denied for schema sealed"):
        await open_storage(guest).open()
