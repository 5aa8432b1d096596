"""Real `scim-server` processes: two replicas on PostgreSQL, one on SQLite, for all tests of a file."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_TENANTS = 8


@dataclass
class Installation:
    database_url: str
    replicas: list[ServerProcess]
    unused: list[Connection]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("installation")
    if request.param == "sqlite":
        count, url = 1, f"sqlite:///{directory}/scim.db"
    else:
        count, url = 2, request.getfixturevalue("postgres_module_dsn")
    connections = [Connection(key=f"acme/tenant-{number}") for number in range(_TENANTS)]
    servers = [ServerProcess(directory / str(number), url, bundle_of(*connections)) for number in range(count)]
    for server in servers:
        server.launch()
    for server in servers:
        server.wait_until_ready()
    yield Installation(url, servers, connections)
    for server in servers:
        server.kill()


@pytest.fixture
def replicas(installation: Installation) -> list[ServerProcess]:
    return installation.replicas


@pytest.fixture
def database_url(installation: Installation) -> str:
    return installation.database_url


@pytest.fixture
def connection(installation: Installation) -> Connection:
    """To a tenant that no other test uses."""
    return installation.unused.pop()
