"""provisioning.md, "Guards": SCIM shows what the provider set; what is held is the effect."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import DeactivationLimit, Safety
from tests.support.serving import EFFECTIVE, PATCH_OP, Connection
from tests.support.warm_programs import run_program


@pytest.fixture
def connection() -> Connection:
    return Connection(safety=Safety(max_deactivations=DeactivationLimit(count=1, percent=0)))


def _names(answer: httpx.Response) -> set[str]:
    found = answer.json()
    assert found["totalResults"] == len(found["Resources"])
    return {user["userName"] for user in found["Resources"]}


async def test_a_hold_stands_between_the_provider_and_the_applications(
    server: Server,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
    management: httpx.AsyncClient,
    database_url: str,
    management_token_file: Path,
) -> None:
    ids = {}
    for name in ("ann", "bob", "cid"):
        created = await provider.post("/Users", json={"userName": name, "externalId": f"x-{name}"})
        ids[name] = created.json()["id"]
    off = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    for name in ("ann", "bob"):
        answer = await provider.patch(f"/Users/{ids[name]}", json=off)
        assert (answer.status_code, answer.json()["active"]) == (200, False)
    assert (await provider.delete(f"/Users/{ids['cid']}")).status_code == 204

    assert (await provider.get(f"/Users/{ids['cid']}")).status_code == 404
    assert _names(await provider.get("/Users")) == {"ann", "bob"}
    assert _names(await provider.get("/Users", params={"filter": "active eq false"})) == {"ann", "bob"}
    seen = {name: (await application.get(f"/Users/{id_}")).json() for name, id_ in ids.items()}
    assert {name: (user["active"], user[EFFECTIVE]["state"]) for name, user in seen.items()} == {
        "ann": (False, "blocked"), "bob": (True, "active"), "cid": (True, "active"),
    }  # fmt: skip
    assert [role["value"] for role in seen["cid"][EFFECTIVE]["roles"]] == ["guest", "viewer"]
    assert seen["bob"][EFFECTIVE]["profile"]["active"] is True
    assert _names(await application.get("/Users")) == {"ann", "bob", "cid"}
    assert _names(await application.get("/Users", params={"filter": "active eq true"})) == {"bob", "cid"}
    assert _names(await application.get("/Users", params={"filter": "active eq false"})) == {"ann"}
    assert _names(await application.get("/Users", params={"filter": 'userName eq "cid"'})) == {"cid"}
    by_role = {"filter": f'{EFFECTIVE}:roles.value eq "viewer"', "sortBy": "userName"}
    assert _names(await application.get("/Users", params=by_role)) == {"bob", "cid"}

    status = (await management.get("/v1/status")).json()["tenants"]["acme/okta"]
    assert status["users"] == {"active": 2, "blocked": 1, "deactivated": 0}
    (hold,) = status["holds"]
    assert (hold["kind"], hold["count"], sorted(hold["users"])) == ("deactivations", 2, ["bob", "cid"])
    metrics = (await management.get("/metrics")).text
    assert 'scim_holds{kind="deactivations",tenant="acme/okta"} 2.0' in metrics
    assert 'scim_deactivations_total{outcome="done",tenant="acme/okta"} 1.0' in metrics
    assert 'scim_deactivations_total{outcome="held",tenant="acme/okta"} 2.0' in metrics

    answer = await management.get("/v1/tenants/acme/okta/holds")
    assert answer.json() == {"holds": [hold]}
    for source in (
        ("--database", database_url),
        ("--server", server.management_url, "--token-file", management_token_file),
    ):
        printed = await asyncio.to_thread(run_program, "scim-operator", "holds", *source, "-o", "json")
        assert (printed.returncode, json.loads(printed.stdout)) == (0, {"holds": [hold]})
        table = await asyncio.to_thread(run_program, "scim-operator", "holds", *source)
        assert table.stdout.splitlines()[1].split()[:3] == [hold["id"], "deactivations", "2"]

    again = await provider.post("/Users", json={"userName": "cid"})  # taken back: a new user
    assert again.status_code == 201
    assert (await application.get(f"/Users/{ids['cid']}")).status_code == 404
    on = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": True}]}
    await provider.patch(f"/Users/{ids['bob']}", json=on)
    assert _names(await application.get("/Users", params={"filter": "active eq true"})) == {"bob", "cid"}
