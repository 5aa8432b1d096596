"""Hundreds of members: one operation for each, chunked by the announced `bulk.maxOperations`, then compared."""

import httpx

from tests.support.serving import PATCH_OP

MEMBERS = 1_200


async def test_one_operation_for_each_member(provider: httpx.AsyncClient) -> None:
    announced = (await provider.get("/ServiceProviderConfig")).json()
    chunk = announced["bulk"]["maxOperations"]
    assert 0 < chunk < MEMBERS
    ids: list[str] = []
    for first in range(0, MEMBERS, chunk):
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": str(n), "data": {"userName": f"user-{n}"}}
            for n in range(first, min(first + chunk, MEMBERS))
        ]
        done = (await provider.post("/Bulk", json={"Operations": operations})).json()["Operations"]
        ids += [each["location"].rpartition("/")[2] for each in done]
    path = f"/Groups/{(await provider.post('/Groups', json={'displayName': 'App Admins'})).json()['id']}"

    async def change(op: str, members: list[str]) -> None:
        operations = [{"op": op, "path": "members", "value": [{"value": member}]} for member in members]
        for first in range(0, len(operations), chunk):
            body = {"schemas": [PATCH_OP], "Operations": operations[first : first + chunk]}
            assert (await provider.patch(path, json=body)).status_code == 204

    async def members() -> set[str]:
        return {member["value"] for member in (await provider.get(path)).json()["members"]}

    await change("add", ids)
    assert await members() == set(ids)
    await change("remove", ids[:700])
    assert await members() == set(ids[700:])


async def test_all_of_them_in_one_patch(provider: httpx.AsyncClient) -> None:
    """As where bulk isn't announced, whose `maxOperations` is 0."""
    ids = [(await provider.post("/Users", json={"userName": f"user-{n}"})).json()["id"] for n in range(20)]
    path = f"/Groups/{(await provider.post('/Groups', json={'displayName': 'App Admins'})).json()['id']}"
    operations = [{"op": "add", "path": "members", "value": [{"value": each}]} for each in ids * 150]
    patched = await provider.patch(path, json={"schemas": [PATCH_OP], "Operations": operations})
    assert patched.status_code == 204
    assert {member["value"] for member in (await provider.get(path)).json()["members"]} == set(ids)
