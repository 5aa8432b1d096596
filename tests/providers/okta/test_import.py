"""Import: all users and groups by startIndex, 100 a page, while others write."""

import httpx

PAGE = 100
USERS = 250


async def _walk(provider: httpx.AsyncClient, path: str) -> list[str]:
    ids: list[str] = []
    while True:
        page = (await provider.get(path, params={"startIndex": len(ids) + 1, "count": PAGE})).json()
        assert page["startIndex"] == len(ids) + 1
        assert page["itemsPerPage"] == len(page["Resources"])
        ids += [resource["id"] for resource in page["Resources"]]
        if len(ids) >= page["totalResults"]:
            return ids


async def _created(provider: httpx.AsyncClient, path: str, name: str, count: int) -> list[str]:
    operations = [{"method": "POST", "path": path, "bulkId": str(n), "data": {name: f"x{n}"}} for n in range(count)]
    done = (await provider.post("/Bulk", json={"Operations": operations})).json()["Operations"]
    return [each["location"].rpartition("/")[2] for each in done]


async def test_everybody_is_seen_once_and_in_one_order(provider: httpx.AsyncClient) -> None:
    users = await _created(provider, "/Users", "userName", USERS)
    groups = await _created(provider, "/Groups", "displayName", PAGE)
    assert await _walk(provider, "/Users") == users
    assert await _walk(provider, "/Groups") == groups
    for user_id in users[::50]:
        await provider.patch(
            f"/Users/{user_id}", json={"Operations": [{"op": "replace", "value": {"active": False}}]}
        )
    assert await _walk(provider, "/Users") == users


async def test_nobody_is_left_out_while_others_come(provider: httpx.AsyncClient) -> None:
    users = await _created(provider, "/Users", "userName", USERS)
    first = (await provider.get("/Users", params={"startIndex": 1, "count": PAGE})).json()["Resources"]
    assert (await provider.post("/Users", json={"userName": "late"})).status_code == 201
    second = (await provider.get("/Users", params={"startIndex": PAGE + 1, "count": PAGE})).json()["Resources"]
    third = (await provider.get("/Users", params={"startIndex": 2 * PAGE + 1, "count": PAGE})).json()["Resources"]
    seen = [user["id"] for page in (first, second, third) for user in page]
    assert seen[:USERS] == users
    assert [user["userName"] for user in third][USERS - 2 * PAGE :] == ["late"]


async def test_a_deletion_moves_up_what_follows(provider: httpx.AsyncClient) -> None:
    """Pages by index are what counting gives at that moment (RFC 7644 §3.4.2.4), from whichever replica."""
    users = await _created(provider, "/Users", "userName", USERS)
    first = (await provider.get("/Users", params={"startIndex": 1, "count": PAGE})).json()["Resources"]
    assert [user["id"] for user in first] == users[:PAGE]
    assert (await provider.delete(f"/Users/{users[0]}")).status_code == 204
    second = (await provider.get("/Users", params={"startIndex": PAGE + 1, "count": PAGE})).json()["Resources"]
    assert [user["id"] for user in second] == users[PAGE + 1 : 2 * PAGE + 1]
