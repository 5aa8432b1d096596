"""Behind PgBouncer in transaction mode; what a storage promises is tested through it elsewhere (`databases`)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scim_server.storage.credential_files import NO_FILES
from scim_server.storage.errors import StorageUnusable
from scim_server.storage.postgres.connecting import Connector
from scim_server.storage.postgres.credentials import Credentials
from tests.scim_server.storage.steps import Steps
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer, database_of
from tests.support.storages import open_storage

_IGNORED = (
    "jit, statement_timeout, lock_timeout, idle_in_transaction_session_timeout, client_connection_check_interval"
)


@pytest.fixture(scope="module")
def ignoring(postgres_server: PostgresServer, run_directory: Path) -> Iterator[PgBouncer]:
    """One that takes every setting and forgets it, as many are set up."""
    started = PgBouncer(run_directory / "ignoring", postgres_server, f"ignore_startup_parameters = {_IGNORED}")
    started.start()
    yield started
    started.stop()


@pytest.fixture(params=["refusing", "ignoring"])
def pooler(request: pytest.FixtureRequest, pgbouncer: PgBouncer, ignoring: PgBouncer) -> PgBouncer:
    return pgbouncer if request.param == "refusing" else ignoring


async def test_several_servers_migrate_and_work_at_once(pooler: PgBouncer, postgres_dsn: str) -> None:
    storages = [open_storage(pooler.dsn(database_of(postgres_dsn))) for _ in range(3)]
    await asyncio.gather(*(storage.open() for storage in storages))
    steps = [Steps(storage, "acme/okta") for storage in storages]
    names = {f"u{number}" for number in range(60)}
    await asyncio.gather(*(steps[number % 3].add_user(name) for number, name in enumerate(names)))
    found = await asyncio.gather(*(one.find_users("userName pr") for one in steps * 3))
    assert found == [names] * 9
    for storage in storages:
        await storage.close()


async def test_transactions_bring_their_settings(pooler: PgBouncer, postgres_dsn: str) -> None:
    connector = Connector(Credentials(pooler.dsn(database_of(postgres_dsn)), NO_FILES))
    connection = await connector.connect(60)
    await connection.execute(f"BEGIN; {connection.settings_of_transaction}")
    inside = [await connection.fetchval(f"SHOW {name}") for name in ("lock_timeout", "jit", "TimeZone")]
    await connection.execute("COMMIT")
    assert inside == ["30s", "off", "UTC"]
    assert await connection.fetchval("SHOW lock_timeout") == "0"  # others may have this session now
    assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
    await connection.close()


async def test_a_pooler_may_be_put_in_front_and_taken_away(
    pgbouncer: PgBouncer, postgres_server: PostgresServer
) -> None:
    """As behind the name of a Service, while the server runs."""
    urls = [pgbouncer.dsn("postgres"), postgres_server.dsn("postgres")]

    class Moving(Credentials):
        def url(self) -> str:
            return urls[0]

    connector = Connector(Moving(urls[0], NO_FILES))
    kinds = []
    for _ in range(3):
        connection = await connector.connect(60)
        kinds.append(bool(connection.settings_of_transaction))
        await connection.close()
        urls.reverse()
    assert kinds == [True, False, True]


async def test_what_pgbouncer_never_takes_is_told_once(pgbouncer: PgBouncer) -> None:
    dsn = pgbouncer.dsn("postgres")
    for wrong, complaint in (
        (f"{dsn}&search_path=x", "unsupported startup parameter: search_path"),
        (dsn.replace("//postgres@", "//nobody@"), '"trust" authentication failed'),
        (pgbouncer.dsn("no_such_database"), 'database "no_such_database" does not exist'),
    ):
        with pytest.raises(StorageUnusable, match=complaint):
            await open_storage(wrong).open()
