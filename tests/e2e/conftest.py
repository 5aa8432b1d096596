"""One installation for all end-to-end tests; see installation.py."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.control_plane.cluster import ControlPlane
from tests.e2e.installation import Installation
from tests.support.postgres import PostgresServer


@pytest.fixture(
    scope="package"
)  # its operator serves all namespaces: it must be gone when other tests use the cluster
def installation(
    control_plane: ControlPlane,
    postgres_server: PostgresServer,
    run_directory: Path,
    private_network: tuple[str, ...],
) -> Iterator[Installation]:
    database = postgres_server.create_database()
    made = Installation(
        control_plane,
        Path(tempfile.mkdtemp(prefix="e2e-", dir=run_directory)),
        postgres_server.dsn(database),
        private_network,
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()
        postgres_server.drop_database(database)


@pytest.fixture
def new_namespace(control_plane: ControlPlane) -> Callable[[], str]:
    return control_plane.create_namespace


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test shows the ends of the operator's and the servers' logs."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    made = getattr(item, "funcargs", {}).get("installation")
    if report.failed and isinstance(made, Installation):
        report.sections.extend(made.logs().items())
    return report  # type: ignore[return-value]
