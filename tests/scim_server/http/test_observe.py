"""provisioning.md, `mode: Observe`: requests are validated, logged and answered, nothing is applied downstream."""

from dataclasses import replace

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import DeactivationLimit, Mode, Safety
from tests.support.serving import EFFECTIVE, PATCH_OP, Connection, bundle_of

ON, OFF = (
    {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": value}]}
    for value in (True, False)
)


@pytest.fixture
def connection() -> Connection:
    return Connection(delay_seconds=0, safety=Safety(max_deactivations=DeactivationLimit(count=1, percent=0)))


async def _run(server: Server, connection: Connection, mode: Mode, revision: int) -> None:
    await server.intake.offer(bundle_of(replace(connection, mode=mode), revision=revision), "test")
    assert await server.applier.wait_applied(revision, 10)


async def _seen(application: httpx.AsyncClient) -> dict[str, tuple[str, list[str]]]:
    """State and roles, by userName."""
    users = (await application.get("/Users")).json()["Resources"]
    return {
        user["userName"]: (user[EFFECTIVE]["state"], [role["value"] for role in user[EFFECTIVE]["roles"]])
        for user in users
    }


async def _events(application: httpx.AsyncClient, after: str = "") -> tuple[list[tuple[str, str]], str]:
    url = str(application.base_url).replace("/scim/v2/", "/events").removesuffix("/")
    answer = (await application.get(url, params={"after": after} if after else {})).json()
    told = [(event["type"], event["user"]["userName"]) for event in answer["events"] if "user" in event]
    return told, answer["next"]


async def test_what_is_observed_is_applied_when_the_mode_enforces(
    server: Server, connection: Connection, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    ids = {}
    for name in ("ann", "bob", "cid", "dee"):
        ids[name] = (await provider.post("/Users", json={"userName": name})).json()["id"]
    before, (_, seen) = await _seen(application), await _events(application)

    await _run(server, connection, Mode.OBSERVE, 2)
    for name in ("ann", "bob"):
        assert (await provider.patch(f"/Users/{ids[name]}", json=OFF)).json()["active"] is False
    assert (await provider.delete(f"/Users/{ids['cid']}")).status_code == 204
    assert (await provider.get(f"/Users/{ids['cid']}")).status_code == 404
    eve = (await provider.post("/Users", json={"userName": "eve"})).json()
    fay = (await provider.post("/Users", json={"userName": "fay"})).json()
    assert (await provider.delete(f"/Users/{fay['id']}")).status_code == 204
    group = {"displayName": "App Admins", "members": [{"value": ids["dee"]}, {"value": eve["id"]}]}
    assert (await provider.post("/Groups", json=group)).status_code == 201
    assert (await provider.post("/Users", json={"userName": "eve"})).status_code == 409
    assert await _seen(application) == before | {"eve": ("deactivated", [])}
    assert (await _events(application, seen))[0] == []

    await _run(server, connection, Mode.ENFORCE, 3)
    await server.due.do()
    await server.applier.do()
    now = await _seen(application)
    active = [name for name in ("ann", "bob", "cid") if now.get(name, ("gone",))[0] == "active"]
    assert len(active) == 2  # the guard lets one through
    assert now["dee"] == ("active", ["admin", "viewer"])
    assert now["eve"] == ("active", ["admin", "viewer"])
    told, _ = await _events(application, seen)
    assert ("user.created", "eve") in told
    assert len([type_ for type_, _ in told if type_ in ("user.deactivated", "user.deleted")]) == 1
    await provider.patch(f"/Users/{ids['ann']}", json=ON)
    assert (await _seen(application))["ann"][0] == "active"
