"""`attributes` and `excludedAttributes`: how many names a request may have."""

import httpx
import pytest

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

MOST = 16_384

NAMES = pytest.mark.parametrize("parameter", ["attributes", "excludedAttributes"])


@NAMES
async def test_too_many_are_refused(application: httpx.AsyncClient, parameter: str) -> None:
    names = "userName," * (MOST // 9 + 1)
    for answer in (
        await application.get("/Users", params={parameter: names}),
        await application.get("/Users/some-id", params={parameter: names}),
        await application.post("/Users/.search", json={parameter: names.split(",")}),
        await application.post("/.search", json={parameter: ["x" * MOST]}),
        await application.post("/.search", json={parameter: names}),
    ):
        assert answer.status_code == 400, answer.text
        assert answer.json()["scimType"] == "invalidValue"
        assert answer.json()["detail"].startswith(f"{parameter}: ")
        assert f"at most {MOST} are accepted" in answer.json()["detail"]


@NAMES
async def test_as_many_as_may_be_are_taken(application: httpx.AsyncClient, parameter: str) -> None:
    names = ("userName," * (MOST // 9))[:MOST]
    assert (await application.get("/Users", params={parameter: names})).status_code == 200
    many = ["id"] * (MOST // 3)
    assert (await application.post("/Users/.search", json={parameter: many})).status_code == 200


@NAMES
async def test_nothing_is_written_where_they_are_too_many(provider: httpx.AsyncClient, parameter: str) -> None:
    names = "userName," * (MOST // 9 + 1)
    group = (await provider.post("/Groups", json={"displayName": "before"})).json()
    path = f"/Groups/{group['id']}"
    after = {"displayName": "after"}
    operations = [{"op": "replace", "value": after}]
    for answer in (
        await provider.patch(path, params={parameter: names}, json={"Operations": operations}),
        await provider.put(path, params={parameter: names}, json=after),
        await provider.post("/Groups", params={parameter: names}, json=after),
        await provider.post("/Users", params={parameter: names}, json={"userName": "after"}),
    ):
        assert answer.status_code == 400, answer.text
    assert (await provider.get(path)).json() == group
    assert (await provider.get("/Groups", params={"count": 0})).json()["totalResults"] == 1
    assert (await provider.get("/Users", params={"count": 0})).json()["totalResults"] == 0
