"""A storage of each kind for each test, whose clock stands at noon until it is moved."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scim_server.storage.protocol import Storage
from tests.support.storages import SetClock, open_storage

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'scim.db'}"
    dsn: str = request.getfixturevalue("postgres_dsn")
    return dsn


@pytest.fixture
async def storage(url: str, clock: SetClock) -> AsyncIterator[Storage]:
    opened = open_storage(url, clock)
    await opened.open()
    yield opened
    await opened.close()
