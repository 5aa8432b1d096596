"""`scim-operator log`, on a database and at a management port: the same either way."""

import asyncio
import csv
import json
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from tests.docs.blocks import blocks
from tests.support.serving import MANAGEMENT_TOKEN, PATCH_OP, Connection, bundle_of
from tests.support.warm_programs import run_program

COLUMNS = (
    "time,credential,userAgent,operation,resourceType,resourceId,resourceName,status,scimType,detail,changed,gained,"
    "lost,durationMs,requestId"
)
INACTIVE = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}

pytestmark = pytest.mark.databases("sqlite")


async def _log(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_program, "scim-operator", "log", *arguments, cwd=cwd)


async def _printed(*arguments: str | Path) -> str:
    result = await _log(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


async def test_log_prints_what_providers_did(
    server: Server, provider: httpx.AsyncClient, database_url: str, tmp_path: Path, management_token_file: Path
) -> None:
    """provisioning.md, "Sync log": `scim-operator log` filters and exports (table, JSON lines, CSV)."""
    formula = {"userName": '=HYPERLINK("http://evil")', "active": False}
    ada = (await provider.post("/Users", json={"userName": "ada"})).json()["id"]
    await provider.post("/Groups", json={"displayName": "App Admins", "members": [{"value": ada}]})
    await provider.patch(f"/Users/{ada}", json=INACTIVE)
    await provider.post("/Users", json={"userName": "ADA"})
    await provider.post("/Users", json={"userName": "ADA"})
    await provider.post("/Users", json=formula)
    await server.refusals.write()
    local = ("--data-dir", tmp_path)
    database = ("--database", database_url)
    remote = ("--server", server.management_url, "--token-file", management_token_file)

    found = await _printed(*local, "-o", "jsonl")
    assert [json.loads(line)["operation"] for line in found.splitlines()] == [
        "create user",
        "create group with 1 member",
        "deactivate user",
        "create user",
        "create user",
        "create user",
    ]
    assert list(json.loads(found.splitlines()[0])) == COLUMNS.split(",")
    for source in (database, remote):
        assert await _printed(*source, "-o", "jsonl", "--tenant", "acme/okta") == found
        assert await _printed(*source, "-o", "jsonl", "--limit", "2") == "".join(found.splitlines(keepends=True)[-2:])
        of_group = await _printed(*source, "-o", "json", "--group", "App Admins", "--since", "1h", "--until", "0s")
        assert [line["resourceName"] for line in json.loads(of_group)] == ["App Admins"]
        assert json.loads(await _printed(*source, "-o", "json", "--outcome", "error")) == []
        by_outcome = await _printed(*source, "-o", "jsonl", "--user", "ada", "--outcome", "success")
        assert len(by_outcome.splitlines()) == 3

    text = await _printed(*local, "-o", "csv")
    assert text.splitlines()[0] == COLUMNS
    rows = [*csv.DictReader(text.splitlines())]
    assert (rows[1]["gained"], rows[2]["lost"], rows[2]["changed"]) == ("admin", "admin, viewer", "active")
    assert rows[3]["detail"] == "userName: the value is taken by a resource that exists"
    assert rows[5]["resourceName"] == f"'{formula['userName']}"
    assert datetime.fromisoformat(rows[0]["time"]).tzinfo == UTC

    table = (await _printed(*local)).splitlines()
    assert table[0].split()[:5] == ["TIME", "CREDENTIAL", "OPERATION", "RESOURCE", "STATUS"]
    assert "changed active; lost admin, viewer" in table[3]
    assert "uniqueness: userName: the value is taken" in table[4]

    summary = json.loads(await _printed(*local, "--summary", "-o", "json"))
    assert summary == json.loads(await _printed(*remote, "--summary", "-o", "json"))
    assert (summary["requests"], summary["failed"]) == (6, 2)
    assert summary["lastFailure"]["reason"].startswith("create user: 409 uniqueness: userName: the value is taken")
    [failure] = summary["failures"]
    assert (failure["credential"], failure["status"], failure["count"]) == ("provision", 409, 2)
    assert summary["users"] == {"created": 2, "deactivated": 1, "reactivated": 0, "deleted": 0}
    assert summary["roles"] == {
        "gained": {"admin": 1, "guest": 1, "viewer": 1},
        "lost": {"admin": 1, "guest": 1, "viewer": 1},
    }
    told = await _printed(*local, "--summary")
    assert "6 requests, 2 of them failed" in told
    assert "2 times, last 20" in told


async def test_what_keeps_it_from_printing_is_one_line(
    server: Server, database_url: str, connection: Connection, tmp_path: Path, management_token_file: Path
) -> None:
    await server.intake.offer(bundle_of(connection, Connection("acme/entra"), revision=2), "test")
    assert await server.applier.wait_applied(2, 10)
    remote = ("--server", server.management_url, "--token-file")
    wrong = tmp_path / "wrong-token"
    wrong.write_text(MANAGEMENT_TOKEN + "?")
    empty = tmp_path / "empty"
    empty.mkdir()
    no_database = tmp_path / "no.db"
    no_database.write_bytes(b"")
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((), "give --data-dir, --database or --server: there are no data of local mode in .local"),
        (("--data-dir", empty), "--data-dir: " + str(empty) + ": there are no data of local mode"),
        (("--data-dir", tmp_path), "--tenant: a tenant is expected: there is acme/entra, acme/okta"),
        (
            ("--data-dir", tmp_path, "--tenant", "acme/x"),
            "--tenant: acme/x is unknown: there is acme/entra, acme/okta",
        ),
        (("--data-dir", tmp_path, "--tenant", "acme"), "--tenant: 'acme': namespace/name is expected"),
        (("--database", database_url, "--server", "x"), "not --database and --server"),
        (("--database", database_url, "--token-file", wrong), "--token-file: it is of no use without --server"),
        (("--database", "mysql://x"), "--database: sqlite:///PATH or postgresql://USER@HOST/DATABASE is expected"),
        (("--database", f"sqlite:///{tmp_path}/none.db"), "it does not exist"),
        (("--database", f"sqlite:///{no_database}"), "there is nothing of scim-server in the database"),
        (("--database", "postgresql://nobody@127.0.0.1:1/none"), "PostgreSQL is not available"),
        (("--server", server.management_url), "--token-file: a file with the management token is expected"),
        (("--server", "http://example.com", "--token-file", wrong), "https:// is expected"),
        ((*remote, wrong), "the management token is expected"),
        ((*remote, tmp_path / "none"), "No such file or directory"),
        ((*remote, management_token_file, "--ca-file", wrong), "--ca-file: "),
        (("--server", "http://127.0.0.1:1", "--token-file", wrong), "http://127.0.0.1:1: the connection is refused"),
        (("--server", server.url, "--token-file", wrong), "not as a management port"),
        (("--data-dir", tmp_path, "--since", "yesterday"), "--since: yesterday: how long ago is expected"),
        (("--data-dir", tmp_path, "--outcome", "bad"), "--outcome: success, refused, error, failure or a status"),
        (("--data-dir", tmp_path, "--user", "a", "--group", "b"), "one of --user and --group is expected"),
        (("--data-dir", tmp_path, "--summary", "-o", "csv"), "--output: a summary is a table or json"),
    ]
    for arguments, said in cases:
        result = await _log(*arguments, cwd=empty)
        assert (result.returncode, result.stdout) == (2, ""), arguments
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1, result.stderr
        assert MANAGEMENT_TOKEN not in result.stderr


async def test_the_commands_of_its_page(server: Server, provider: httpx.AsyncClient, tmp_path: Path) -> None:
    """Of docs/reference/sync-log.md, where the data are in the folder that the page says."""
    (tmp_path / ".local").symlink_to(tmp_path)
    ada = (await provider.post("/Users", json={"userName": "ada@acme.com"})).json()["id"]
    await provider.post("/Groups", json={"displayName": "App Admins", "members": [{"value": ada}]})
    commands = [command for block in blocks() if block.page.endswith("sync-log.md") for command in block.commands]
    printed = {}
    for command in commands:
        program, of_log, *arguments = shlex.split(command.partition(" > ")[0])
        assert (program, of_log) == ("scim-operator", "log")
        result = await _log(*arguments, cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, ""), command
        printed[command] = result.stdout
    assert len(printed["scim-operator log"].splitlines()) == 3
    assert "create group with 1 member" in printed["scim-operator log --user ada@acme.com"]
