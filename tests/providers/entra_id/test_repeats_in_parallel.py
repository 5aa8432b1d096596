"""The same request again after a time-out, while the first one is still under way."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from tests.support.serving import PATCH_OP, roles_of

REPEATS = 8


async def _statuses(provider: httpx.AsyncClient, method: str, path: str, body: dict[str, Any]) -> Counter[int]:
    answers = await asyncio.gather(*(provider.request(method, path, json=body) for _ in range(REPEATS)))
    return Counter(answer.status_code for answer in answers)


async def test_every_request(provider: httpx.AsyncClient, application: httpx.AsyncClient) -> None:
    ada = {"userName": "ada@acme.com", "externalId": "ada", "active": True}
    assert await _statuses(provider, "POST", "/Users", ada) == {201: 1, 409: REPEATS - 1}
    (user,) = (await provider.get("/Users")).json()["Resources"]

    admins = {"displayName": "App Admins", "externalId": "admins"}
    assert await _statuses(provider, "POST", "/Groups", admins) == {201: 1, 409: REPEATS - 1}
    (group,) = (await provider.get("/Groups")).json()["Resources"]

    def patch(operation: dict[str, Any]) -> dict[str, Any]:
        return {"schemas": [PATCH_OP], "Operations": [operation]}

    path = f"/Groups/{group['id']}"
    add = patch({"op": "Add", "path": "members", "value": [{"$ref": None, "value": user["id"]}]})
    assert await _statuses(provider, "PATCH", path, add) == {204: REPEATS}
    assert await roles_of(application, "ada@acme.com") == ["admin", "viewer"]
    phone = patch({"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+44 1"})
    assert await _statuses(provider, "PATCH", f"/Users/{user['id']}", phone) == {200: REPEATS}
    shown = (await provider.get(f"/Users/{user['id']}")).json()
    assert shown["phoneNumbers"] == [{"type": "mobile", "value": "+44 1"}]
    remove = patch({"op": "Remove", "path": "members", "value": [{"value": user["id"]}]})
    assert await _statuses(provider, "PATCH", path, remove) == {204: REPEATS}
    assert await roles_of(application, "ada@acme.com") == ["guest", "viewer"]
    assert await _statuses(provider, "DELETE", f"/Users/{user['id']}", {}) == {204: 1, 404: REPEATS - 1}
