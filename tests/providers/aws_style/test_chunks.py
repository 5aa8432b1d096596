"""Clients that send members in chunks of 100: many small PATCHes to one group, in parallel."""

import asyncio
from collections.abc import Sequence

import httpx

from tests.support.serving import PATCH_OP, roles_of

CHUNK = 100
USERS = 400


def _chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK)]


async def _patch(provider: httpx.AsyncClient, path: str, op: str, ids: Sequence[str]) -> int:
    operations = [{"op": op, "path": "members", "value": [{"value": each} for each in ids]}]
    return (await provider.patch(path, json={"schemas": [PATCH_OP], "Operations": operations})).status_code


async def test_chunks_in_parallel(provider: httpx.AsyncClient, application: httpx.AsyncClient) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(n), "data": {"userName": f"user-{n}", "active": True}}
        for n in range(USERS)
    ]
    created = (await provider.post("/Bulk", json={"Operations": operations})).json()["Operations"]
    ids = [each["location"].rpartition("/")[2] for each in created]
    path = f"/Groups/{(await provider.post('/Groups', json={'displayName': 'App Admins'})).json()['id']}"

    added = await asyncio.gather(*(_patch(provider, path, "add", chunk) for chunk in _chunks(ids)))
    assert set(added) == {204}
    assert {member["value"] for member in (await provider.get(path)).json()["members"]} == set(ids)

    # Half of them leave while the other half is sent again, after a time-out.
    leaving, staying = ids[: USERS // 2], ids[USERS // 2 :]
    changed = await asyncio.gather(
        *(_patch(provider, path, "remove", chunk) for chunk in _chunks(leaving)),
        *(_patch(provider, path, "add", chunk) for chunk in _chunks(staying)),
    )
    assert set(changed) == {204}
    assert {member["value"] for member in (await provider.get(path)).json()["members"]} == set(staying)
    assert await roles_of(application, "user-0") == ["guest", "viewer"]
    assert await roles_of(application, f"user-{USERS - 1}") == ["admin", "viewer"]
