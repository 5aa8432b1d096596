"""What every test may ask for: a private network, PostgreSQL, a SCIM server, a Kubernetes control plane.

private_network      addresses that a test may bind and that Kubernetes accepts in an EndpointSlice
postgres_server      PostgreSQL 18, one for all tests of a worker
postgres_dsn         an empty database of its own for each test
postgres_module_dsn  an empty database of its own for each test file
start_postgres       starts PostgreSQL servers that a test may crash
run_directory        a short-named directory for Unix sockets and servers' data
database_url         an empty database of its own for each test, which runs on SQLite and on PostgreSQL, or on those
                     that its mark `databases` names
server               a SCIM server on it, with one tenant (`connection`); more of its kind in tests/support/serving.py
provider             a client with that tenant's provisioning credential
application          a client with its credential that may read
management           a client of the server's management port
control_plane        etcd and kube-apiserver, one for all tests that ask (they run on one worker)
namespace            a namespace of its own in that cluster for each test
"""

import contextlib
import gc
import os
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control_plane.build import CONTROL_PLANE
from tests.control_plane.cluster import ControlPlane
from tests.support.examples import load_profile
from tests.support.network import ADDRESSES, PrivateNetworkError, enter_private_network
from tests.support.postgres import TEST_CLOCK, PostgresServer, StartPostgres
from tests.support.temporary import RunDirectory, place_for_data

pytest_plugins = ("tests.support.serving",)

load_profile()

# Here and not in a fixture: an ordinary user can do it only before there are threads, and the workers of
# pytest-xdist shall inherit it.
_refused: PrivateNetworkError | None = None
try:
    if not {"E2E_KUBECONFIG", "E2E_KIND"} & os.environ.keys():  # such a cluster is outside of it
        enter_private_network()
except PrivateNetworkError as error:
    _refused = error


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes stays to the end: looking for garbage in it takes seconds, and finds none."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of the cluster go to one worker, so that there is one control plane."""
    for item in items:
        if "control_plane" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("control-plane"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test of the cluster shows the ends of the cluster's logs; in CI a skipped test is a failed one."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI doesn't allow: {report.longrepr}"
    cluster = getattr(item, "funcargs", {}).get("control_plane")
    if report.failed and isinstance(cluster, ControlPlane):
        report.sections.extend(cluster.log_tails().items())
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session")
def private_network() -> tuple[str, ...]:
    """Addresses of this process's private network; only it and its children can reach them."""
    if _refused is not None:
        raise _refused
    return ADDRESSES


@pytest.fixture(scope="session")
def run_directory() -> Iterator[Path]:
    """Short enough for Unix sockets; removed at the end, or by the next run when this one is killed."""
    directory = RunDirectory()
    yield directory.path
    directory.remove()


@pytest.fixture(scope="session")
def postgres_server(run_directory: Path) -> Iterator[PostgresServer]:
    """Shared by many tests, so without durability: a test that crashes PostgreSQL has its own (`start_postgres`)."""
    data = RunDirectory(place_for_data())
    server = PostgresServer(run_directory / "postgres", data=data.path / "postgres")
    server.start()
    server.psql(TEST_CLOCK, "template1")
    yield server
    server.stop()
    data.remove()


@pytest.fixture
def start_postgres(run_directory: Path) -> Iterator[StartPostgres]:
    """Starts servers of the test's own, which it may crash; they end with it. Takes what PostgresServer takes."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> PostgresServer:
            server = PostgresServer(run_directory / f"own-{uuid.uuid4().hex[:8]}", **options)
            stack.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture
def postgres_dsn(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create_database()
    yield postgres_server.dsn(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def postgres_module_dsn(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create_database()
    yield postgres_server.dsn(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def control_plane(private_network: tuple[str, ...], run_directory: Path) -> Iterator[ControlPlane]:
    cluster = ControlPlane(CONTROL_PLANE.built(), run_directory / "control-plane")
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    return control_plane.create_namespace()
