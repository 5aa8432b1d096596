"""`scim-operator events`, on a database and at a management port: the same either way."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from tests.support.processes import kill_process
from tests.support.serving import PATCH_OP, Connection, client_of
from tests.support.until import until
from tests.support.warm_programs import run_program, start_program

INACTIVE = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}

pytestmark = pytest.mark.databases("sqlite")


async def _events(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_program, "scim-operator", "events", *arguments)


async def _found(*arguments: str | Path) -> dict[str, Any]:
    result = await _events(*arguments, "--output", "json")
    assert (result.returncode, result.stderr) == (0, "")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _types(found: dict[str, Any]) -> list[str]:
    return [event["type"] for event in found["events"]]


async def test_events_prints_what_applications_are_told(
    server: Server,
    provider: httpx.AsyncClient,
    database_url: str,
    connection: Connection,
    management: httpx.AsyncClient,
    management_token_file: Path,
    tmp_path: Path,
) -> None:
    """provisioning.md, "Events for applications": what happened, for people."""
    ada = (await provider.post("/Users", json={"userName": "ada", "externalId": "00u1"})).json()["id"]
    await provider.post("/Groups", json={"displayName": "App Admins", "members": [{"value": ada}]})

    async def answered(**parameters: str | int) -> dict[str, Any]:
        answer = await management.get(f"/v1/tenants/{connection.key}/events", params=parameters)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    before = await answered()
    await provider.post("/Users", json={"userName": "bob"})
    await provider.patch(f"/Users/{ada}", json=INACTIVE)
    at_database = ("--database", database_url)
    at_server = ("--server", server.management_url, "--token-file", management_token_file)

    everything = await _found(*at_database)
    kinds = ["user.created", "group.created", "group.members_changed", "user.roles_changed"]
    assert sorted(_types(before)) == sorted(kinds)
    assert _types(everything)[-2:] == ["user.created", "user.blocked"]
    assert everything == await _found(*at_server, "--tenant", connection.key)
    async with client_of(server.url, headers={"Authorization": f"Bearer {connection.token('read')}"}) as client:
        assert (await client.get(f"/{connection.key}/events")).json()["events"] == everything["events"]

    for name in (ada, "ADA", "00u1"):
        assert _types(await answered(user=name)) == ["user.created", "user.roles_changed", "user.blocked"]
    assert (await answered(user="nobody"))["events"] == []
    assert len((await answered(type="group.*"))["events"]) == 2
    assert _types(await answered(after=before["next"])) == ["user.created", "user.blocked"]
    assert _types(await answered(last=1)) == ["user.blocked"]
    assert _types(await answered(last=3, user=ada, limit=2)) == ["user.created", "user.roles_changed"]
    assert (await answered(since="2100-01-01T00:00:00Z"))["events"] == []
    asked = ["--user", "ada", "--type", "user.blocked", "--type", "group.*", "--since", "1h"]
    asked += ["--after", before["next"]]
    assert _types(await _found(*at_database, *asked)) == ["user.blocked"]
    assert _types(await _found(*at_server, *asked)) == ["user.blocked"]

    printed = (await _events(*at_database, "--limit", "1")).stdout.splitlines()
    assert printed[0].split() == ["TIME", "SEQUENCE", "TYPE", "SUBJECT", "WHAT", "BECAUSE", "OF"]
    assert " ".join(printed[1].split()[2:]) == "user.blocked ada blocked, -admin, -viewer request by provision"

    log = tmp_path / "followed"
    arguments = ("events", *map(str, at_server), "--after", "now", "--follow", "--type", "user.*", "--output", "json")
    following = start_program("scim-operator", *arguments, log=log)
    await until(lambda: server.feed.arrivals.waiting == 1)
    await provider.delete(f"/Users/{ada}")
    await until(lambda: log.read_text().endswith("\n"))
    assert json.loads(log.read_text())["type"] == "user.deleted"
    kill_process(following)


async def test_what_is_wrong_is_said_in_one_line(
    server: Server, management: httpx.AsyncClient, database_url: str, management_token_file: Path
) -> None:
    at_database = ("--database", database_url)
    at_server = ("--server", server.management_url, "--token-file", management_token_file)
    for arguments, said in (
        (("--type", "user.made"), "user.made: a type of events is expected"),
        ((*at_database, "--after", "x"), "after: now, or `next` of an earlier answer"),
        ((*at_server, "--after", "x"), "after: now, or `next` of an earlier answer"),
    ):
        result = await _events(*arguments)
        assert result.returncode == 2, arguments
        assert said in result.stderr
        assert result.stdout == ""
    path = "/v1/tenants/acme/okta/events"
    for parameters in ({"type": "x"}, {"limit": 0}, {"wait": 61}):
        answer = await management.get(path, params=parameters)
        assert answer.status_code == 400
        assert answer.json()["reason"].startswith(next(iter(parameters)))
    assert (await management.get("/v1/tenants/acme/nobody/events")).status_code == 404
