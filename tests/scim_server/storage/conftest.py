"""Every test of storage runs on both databases.

storage        one of each kind for all tests of a file: a test uses tenants of its own (`tenant`)
fresh_url      a database of its own for each test
"""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scim_server.storage.protocol import Storage
from tests.scim_server.storage.steps import Steps
from tests.support.storages import open_storage

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('storage') / 'scim.db'}"
    dsn: str = request.getfixturevalue("postgres_module_dsn")
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
