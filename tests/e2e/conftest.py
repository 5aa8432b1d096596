"""One installation for all end-to-end tests: processes (installation.py), or the chart in a cluster (release.py)."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.control_plane.cluster import ControlPlane
from tests.e2e.installation import Installation
from tests.e2e.installed import Installed
from tests.e2e.release import Release
from tests.support.postgres import PostgresServer

_HAS_NODES = "E2E_KUBECONFIG" in os.environ or "E2E_KIND" in os.environ

_ON_ANY = ("test_changes.py", "test_credentials.py", "test_path.py", "test_schemas.py")
"""These ask nothing of the processes. Of the others each runs on one kind of installation."""
_ON_NODES = ("test_chart.py",)

_FOLDER = Path(__file__).parent
collect_ignore = (
    list(_ON_NODES)
    if not _HAS_NODES
    else [path.name for path in _FOLDER.glob("test_*.py") if path.name not in (*_ON_NODES, *_ON_ANY)]
)

if not _HAS_NODES:

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

else:

    @pytest.fixture(scope="package")
    def kubeconfig(request: pytest.FixtureRequest) -> Path:
        if "E2E_KIND" not in os.environ:
            return Path(os.environ["E2E_KUBECONFIG"]).resolve()
        cluster = request.getfixturevalue("kind_cluster")
        for name in ("server", "operator", "test-postgres"):
            cluster.load_docker_image(f"localhost/scim-{name}:{os.environ['E2E_TAG']}")
        return Path(cluster.kubeconfig_path).resolve()

    @pytest.fixture(scope="package")
    def release(kubeconfig: Path, run_directory: Path) -> Iterator[Release]:
        found = Release(kubeconfig, Path(tempfile.mkdtemp(prefix="e2e-", dir=run_directory)))
        yield found
        found.close()

    @pytest.fixture
    def installation(release: Release) -> Release:
        release.require()
        return release

    @pytest.fixture
    def new_namespace(release: Release) -> Callable[[], str]:
        return release.cluster.create_namespace

    @pytest.fixture
    def namespace(release: Release) -> str:
        return release.cluster.create_namespace()

    def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
        """Those first that install and uninstall."""
        items.sort(key=lambda item: item.path.name not in _ON_NODES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test shows the ends of the operator's and the servers' logs."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    arguments = getattr(item, "funcargs", {})
    made = arguments.get("installation") or arguments.get("release")
    if report.failed and isinstance(made, Installed):
        report.sections.extend(made.logs().items())
    return report  # type: ignore[return-value]
