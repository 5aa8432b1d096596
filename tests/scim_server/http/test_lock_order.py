"""PostgreSQL locks rows in one order, whatever a request's headers: groups, then users (see storage/protocol.py)."""

import asyncio

import asyncpg
import httpx
import pytest

from tests.scim_server.http.test_users import create
from tests.support.locks import until_sessions_wait


@pytest.fixture
def database_url(postgres_dsn: str) -> str:
    return postgres_dsn


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}])
async def test_a_deletion_that_waits_for_a_group_keeps_nobody_from_the_user(
    provider: httpx.AsyncClient, database_url: str, headers: dict[str, str]
) -> None:
    user = await create(provider, "ann")
    await provider.post("/Groups", json={"displayName": "Staff", "members": [{"value": user["id"]}]})
    path = f"/Users/{user['id']}"
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "Boss"}]}
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("SELECT FROM groups FOR UPDATE")
        deletion = asyncio.create_task(provider.delete(path, headers=headers))
        await until_sessions_wait(database_url, 1)
        async with asyncio.timeout(20):
            assert (await provider.patch(path, json=patch)).status_code == 200
    assert (await deletion).status_code == 204
    await other.close()
