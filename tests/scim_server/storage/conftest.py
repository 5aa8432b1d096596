"""Every test of storage runs on both databases; those of what a storage promises on PostgreSQL behind PgBouncer too.

storage        one of each kind for all tests of a file, PgBouncer's on the same database as PostgreSQL's: a test uses
               tenants of its own (`tenant`)
fresh_url      a database of its own for each test
pgbouncer      in transaction mode, in front of `postgres_server`
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scim_server.storage.protocol import Storage
from tests.scim_server.storage.steps import Steps
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer, database_of
from tests.support.storages import open_storage

KINDS = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The mark `databases` says on which kinds the tests of a file run; without it on both."""
    if "storage_kind" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("databases")
        kinds = KINDS if mark is None else mark.args
        # Indirectly: pytest orders a file's tests by the parameters of fixtures alone, so that each is made once.
        metafunc.parametrize("storage_kind", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def storage_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def pgbouncer(postgres_server: PostgresServer, run_directory: Path) -> Iterator[PgBouncer]:
    started = PgBouncer(run_directory / "pgbouncer", postgres_server)
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def url(storage_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if storage_kind == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('storage') / 'scim.db'}"
    dsn: str = request.getfixturevalue("postgres_module_dsn")
    if storage_kind == "pgbouncer":
        bouncer: PgBouncer = request.getfixturevalue("pgbouncer")
        return bouncer.dsn(database_of(dsn))
    return dsn


@pytest.fixture(params=KINDS)
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'scim.db'}"
    dsn: str = request.getfixturevalue("postgres_dsn")
    return dsn


@pytest.fixture
async def storage(url: str) -> AsyncIterator[Storage]:
    opened = open_storage(url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def tenant() -> str:
    return f"acme/{uuid.uuid4()}"


@pytest.fixture
def steps(storage: Storage, tenant: str) -> Steps:
    return Steps(storage, tenant)
