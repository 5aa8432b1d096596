"""One server in local mode that serves every example at once."""

from collections.abc import Iterator

import pytest

from tests.examples.folders import ROOT
from tests.support.local_mode import RunningLocalMode


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalMode]:
    """Those who ask for it are of the group `examples`, so that there is one."""
    with RunningLocalMode(ROOT / "examples", tmp_path_factory.mktemp("examples") / "data") as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "served" in getattr(item, "fixturenames", ()) and "tests/examples" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("examples"))
