"""A server with one tenant for the tests of the plugin."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.local_mode import RunningLocalMode

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def good_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalMode]:
    data = tmp_path_factory.mktemp("good-server") / "data"
    with RunningLocalMode(ROOT / "examples/quickstart", data) as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """So that there is one, and another one on the worker that has the control plane."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "good_server" in names and "control_plane" not in names:
            item.add_marker(pytest.mark.xdist_group("good-server"))
