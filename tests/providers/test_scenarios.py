"""Every scenario of every provider, on both databases, with default settings."""

from pathlib import Path

import httpx
import pytest

from tests.providers.scenario import play, read, scenarios

_FOLDER = Path(__file__).parent


@pytest.mark.parametrize(
    "scenario", scenarios(_FOLDER), ids=lambda path: f"{path.parent.name}-{path.stem}".replace("_", "-")
)
async def test_scenario(scenario: Path, provider: httpx.AsyncClient, application: httpx.AsyncClient) -> None:
    await play(read(scenario), provider, application)
