"""The sync log, as the management port shows it: a line for each request that wrote or tried to."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from scim_server.app import Server
from tests.support.serving import ENTERPRISE, PATCH_OP, Connection, bundle_of

LOG = "/v1/tenants/acme/okta/log"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
AGENT = {"User-Agent": "Okta SCIM Client 1.0.0"}


def _patch(*operations: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def _add(*members: str) -> dict[str, Any]:
    return _patch({"op": "add", "path": "members", "value": [{"value": member} for member in members]})


ACTIVE = {verb: _patch({"op": "replace", "path": "active", "value": verb}) for verb in (True, False)}


async def _lines(server: Server, management: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    await server.refusals.write()
    answer = await management.get(LOG, params={"limit": 1000, **filters})
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()["lines"]
    return lines


def _operations(lines: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(line["operation"], line["status"]) for line in lines]


async def test_each_request_that_writes_has_a_line_in_words(
    server: Server, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    """provisioning.md, "Sync log": every write request, what it did and changed, who gained or lost what."""
    began = datetime.now(UTC)
    provider.headers.update(AGENT)
    new = {"userName": "ada", "externalId": "0042", "name": {"givenName": "Ada"}, ENTERPRISE: {"department": "R"}}
    created = await provider.post("/Users", json=new)
    ada = created.json()["id"]
    bob = (await provider.post("/Users", json={"userName": "bob"})).json()["id"]
    user = f"/Users/{ada}"
    await provider.patch(user, json=_patch({"op": "replace", "path": "name.givenName", "value": "A."}))
    changed = {**new, "name": {"givenName": "A."}, ENTERPRISE: {"department": "S"}, "title": "Countess"}
    await provider.put(user, json=changed)
    await provider.put(user, json=changed)
    for active in (False, False, True):
        await provider.patch(user, json=ACTIVE[active])
    members = [{"value": ada}]
    group = (await provider.post("/Groups", json={"displayName": "App Admins", "members": members})).json()["id"]
    await provider.patch(f"/Groups/{group}", json=_add(bob))
    rename = {"op": "replace", "value": {"displayName": "Others"}}
    remove = {"op": "remove", "path": f'members[value eq "{ada}"]'}
    await provider.patch(f"/Groups/{group}", json=_patch(rename, remove))
    gone = (await provider.post("/Users", json={"userName": "gone"})).json()["id"]
    await provider.delete(f"/Users/{gone}")
    await provider.patch(f"/Groups/{group}", json=_add(gone))
    await provider.post("/Users/.search", json={})
    await provider.delete(f"/Groups/{group}")

    lines = await _lines(server, management)
    assert _operations(lines) == [
        ("create user", 201),
        ("create user", 201),
        ("update user", 200),
        ("update user", 200),
        ("no change", 200),
        ("deactivate user", 200),
        ("no change", 200),
        ("reactivate user", 200),
        ("create group with 1 member", 201),
        ("add 1 member", 204),
        ("rename group, remove 1 member", 204),
        ("create user", 201),
        ("delete user", 204),
        ("no change", 204),
        ("delete group", 204),
    ]
    first, put, blocked, grown, renamed = (lines[index] for index in (0, 3, 5, 9, 10))
    assert first == first | {
        "credential": "provision",
        "userAgent": AGENT["User-Agent"],
        "resourceType": "User",
        "resourceId": ada,
        "resourceName": "ada",
        "scimType": None,
        "detail": None,
        "changed": [],
        "gained": {"guest": 1, "viewer": 1},
        "lost": {},
        "requestId": created.headers["x-request-id"],
    }
    assert began - timedelta(seconds=1) < datetime.fromisoformat(first["time"]) < datetime.now(UTC)
    assert put["changed"] == ["title", f"{ENTERPRISE}:department"]
    assert (blocked["changed"], blocked["lost"]) == (["active"], {"guest": 1, "viewer": 1})
    assert grown == grown | {"resourceName": "App Admins", "gained": {"admin": 1}, "lost": {"guest": 1}}
    assert renamed["changed"] == ["displayName", "members"]
    assert renamed["resourceName"] == "Others"
    assert renamed["lost"] == {"admin": 2}
    assert lines[13]["detail"] == "left out, as they were deleted before: 1 member"

    async def found(**filters: Any) -> list[str]:
        return [line["operation"] for line in await _lines(server, management, **filters)]

    assert len(await found(user="ADA")) == len(await found(user="0042")) == len(await found(user=ada)) == 9
    assert await found(user="bob") == ["create user", "add 1 member", "rename group, remove 1 member"]
    assert await found(user="gone") == ["create user", "delete user"]
    assert len(await found(group=group)) == 5
    assert await found(group="App Admins", operation="ADD") == ["add 1 member"]
    assert len(await found(operation="deactivate user")) == 1
    assert await found(operation="%") == await found(since=datetime.now(UTC).isoformat()) == []
    assert await found(until=began.isoformat()) == await found(outcome="failure") == []
    assert len(await found(outcome="success", since=began.isoformat())) == len(lines)
    assert await found(last=2) == ["no change", "delete group"]

    paged: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while len(paged) < len(lines):
        page = (await management.get(LOG, params={"limit": 4, **after})).json()
        paged += page["lines"]
        after = {"after": page["next"]} if page["next"] else {}
    assert (paged, after) == (lines, {})


async def test_refused_requests_have_a_line_that_says_why(
    server: Server,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
    management: httpx.AsyncClient,
    connection: Connection,
) -> None:
    """provisioning.md, "Sync log": every refused one. Expired credentials are logged, garbage ones only counted."""
    ada = (await provider.post("/Users", json={"userName": "ada"})).json()["id"]
    await provider.post("/Users", json={"userName": "Ada", "title": "secret-of-hers"})
    await provider.put(f"/Users/{ada}", json={"title": "secret-of-hers"})
    await provider.patch(f"/Users/{ada}", json=_patch({"op": "replace", "path": "shoe", "value": "secret-of-hers"}))
    await provider.delete("/Users/not%00an-id")  # which PostgreSQL has no text for
    await provider.post("/Groups", json={"displayName": "Staff", "members": [{"value": "nobody"}]})
    await provider.post("/Elsewhere", json={})
    await provider.get("/Users/not-an-id")
    await application.post("/Users", json={"userName": "eve"})
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "carl"}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "ada"}},
        {"method": "DELETE", "path": f"/Groups/{ada}"},
    ]
    await provider.post("/Bulk", json={"schemas": [BULK], "Operations": operations})
    await provider.post("/Bulk", json={"schemas": [BULK], "Operations": "none"})
    await provider.post("/Users", json={"userName": "eve"}, headers={"Authorization": "Bearer garbage"})
    expired = Connection(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await server.intake.offer(bundle_of(expired, revision=2), "test")
    await provider.post("/Users", json={"userName": "eve"})
    await provider.get("/Users")

    lines = await _lines(server, management, outcome="failure")
    assert [
        (
            line["operation"],
            line["status"],
            line["scimType"],
            line["resourceType"],
            line["resourceName"],
            line["detail"],
        )
        for line in lines
    ] == [
        ("create user", 409, "uniqueness", "User", "Ada", "userName: the value is taken by a resource that exists"),
        (
            "replace user",
            400,
            "invalidValue",
            "User",
            "ada",
            "userName: required and may not be empty",
        ),
        ("update user", 400, "invalidPath", "User", "ada", "shoe: unknown attribute"),
        ("delete user", 404, None, "User", None, "no such resource"),
        ("create group", 400, "invalidValue", "Group", "Staff", "members: no such user or group"),
        ("unknown request", 404, None, "", None, "there is no such endpoint"),
        ("create user", 403, None, "User", None, "this credential has access Read: it may only GET and search"),
        ("create user", 409, "uniqueness", "User", "ada", "userName: the value is taken by a resource that exists"),
        ("delete group", 404, None, "Group", None, "no such resource"),
        ("bulk request", 400, "invalidSyntax", "Bulk", None, "Operations: expected an array"),
        ("unknown request", 401, None, "", None, "expired credential provision"),
        ("read", 401, None, "", None, "expired credential provision"),
    ]
    assert {line["credential"] for line in lines} == {"provision", "read"}
    assert "secret-of-hers" not in str(lines)
    assert _operations(await _lines(server, management, user="ada")) == [
        ("create user", 201),
        ("replace user", 400),
        ("update user", 400),
        ("create user", 409),
    ]
    assert _operations(await _lines(server, management, outcome="409")) == [("create user", 409)] * 2

    status = (await management.get("/v1/status")).json()["tenants"]["acme/okta"]
    assert status["lastFailure"] == {
        "time": status["lastFailure"]["time"],
        "credential": "provision",
        "operation": "read",
        "reason": "401 expired credential provision",
        "requestId": lines[-1]["requestId"],
    }
    succeeded = (await _lines(server, management, outcome="success"))[-1]["time"]
    assert status["lastSyncTime"][:23] == succeeded[:23]
    seconds = datetime.fromisoformat(status["lastSyncTime"]).timestamp()
    metrics = (await management.get("/metrics")).text
    [told] = re.findall(r'scim_last_sync_timestamp_seconds\{tenant="acme/okta"\} (\S+)', metrics)
    assert float(told) == seconds
    assert "scim_sync_log_lines_dropped_total 0.0" in metrics

    for path, parameters, said in (
        (LOG, {"outcome": "bad"}, "outcome: success"),
        (LOG, {"user": "a", "group": "b"}, "one of user and group"),
        (LOG, {"after": "x"}, "after: "),
        (LOG, {"since": "yesterday"}, "since: "),
        (LOG, {"limit": 1001}, "limit: "),
        ("/v1/tenants/acme/other/log", {}, "no tenant acme/other"),
    ):
        answer = await management.get(path, params=parameters)
        assert answer.status_code in (400, 404)
        assert said in answer.json()["reason"]
    assert (await management.get(LOG, headers={"Authorization": "Bearer wrong"})).status_code == 401
    assert (
        await management.get("/v1/tenants/acme/other/log", headers={"Authorization": "Bearer wrong"})
    ).status_code == 401
