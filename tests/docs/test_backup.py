"""The page about backups, as written: on both databases, under writes, restored with other rules in force."""

import asyncio
import os
import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.robustness.impatient_client import ImpatientClient
from tests.robustness.load import Writers
from tests.robustness.stored_state import read_state
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_PAGE = Path(__file__).parents[2] / "docs/how-to/back-up-and-restore.md"


class Database:
    """One of the two kinds, with the page's commands for it."""

    def __init__(self, kind: str, directory: Path, request: pytest.FixtureRequest) -> None:
        section = _PAGE.read_text().partition(f"## {kind}\n")[2].partition("\n## ")[0]
        blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
        self.back_up, self.restore = [re.findall(r"^\$ (.*)$", block, re.MULTILINE) for block in blocks]
        self._directory = directory
        self._environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self.url = self.restored_url = f"sqlite:///{directory}/scim.db"
        if kind == "PostgreSQL":
            postgres: PostgresServer = request.getfixturevalue("postgres_server")
            self.url = request.getfixturevalue("postgres_dsn")
            self._restored = postgres.create_database()
            postgres.psql("DROP SCHEMA test_clock CASCADE", self._restored)  # of the tests' template
            self.restored_url = postgres.dsn(self._restored)
            self._environment |= {
                "SCIM_DATABASE": self.url,
                "NEW_DATABASE": self.restored_url,
                "PATH": f"{postgres.programs}:{self._environment['PATH']}",
            }
            request.addfinalizer(lambda: postgres.drop_database(self._restored))

    async def run(self, commands: list[str]) -> None:
        assert commands
        for command in commands:
            process = await asyncio.create_subprocess_shell(
                command, cwd=self._directory, env=self._environment, stderr=asyncio.subprocess.PIPE
            )
            _, errors = await process.communicate()
            assert process.returncode == 0, f"{command}\n{errors.decode()}"


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return Database(request.param, tmp_path, request)


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def server(tmp_path: Path, database: Database, connection: Connection) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path / "server", database.url, bundle_of(connection))
    process.start()
    yield process
    process.kill()


def settled_revision(server: ServerProcess) -> int:
    text = httpx.get(f"{server.management_url}/metrics", trust_env=False).text
    values = re.findall(r"^scim_config_applied_revision{.+} (\S+)$", text, re.MULTILINE)
    return min(int(float(value)) for value in values)


async def test_what_was_there_is_there_again(
    server: ServerProcess, database: Database, connection: Connection, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                ImpatientClient(server.url, connection, first_patience=30, chance=random.Random(number))
            )
            for number in range(4)
        ]
        group = (await clients[0].request("POST", "/Groups", json={"displayName": "App Admins"})).json()["id"]
        writers = Writers(clients, group)
        writers.start()
        stack.callback(writers.cancel)
        await writers.written(60)
        before = set(writers.acknowledged.users)
        await database.run(database.back_up)
        await writers.written(20)
        await writers.stop()
    deleted = writers.acknowledged.deleted
    assert server.stop() == 0
    await database.run(database.restore)

    other_rules = replace(connection, rules=[("admins", {"display_name": "App Admins"}, ("analyst",))])
    restored = ServerProcess(tmp_path / "restored", database.restored_url, bundle_of(other_rules, revision=2))
    restored.start()
    try:
        await asyncio.to_thread(wait_until, lambda: settled_revision(restored) == 2, seconds=20, what="settled roles")
        state = await read_state(database.restored_url, connection.key)
        assert before - deleted <= state.users.keys()
        assert len(state.users) < len(writers.acknowledged.users)  # what was written since isn't there
        assert state.members_of(group)
        assert "analyst" in {role for _, role in state.roles}
        state.assert_whole(other_rules.tenant())
        async with ImpatientClient(restored.url, connection, first_patience=30, chance=random.Random(1)) as client:
            user = min(before - deleted)
            assert (await client.request("GET", f"/Users/{user}")).json()["id"] == user
            assert (await client.request("POST", "/Users", json={"userName": "new@acme.com"})).status_code == 201
    finally:
        restored.kill()


def test_the_commands_for_a_pod_copy_the_file(tmp_path: Path) -> None:
    """Those by `kubectl exec`, in a folder instead of the volume."""
    section = _PAGE.read_text().partition("## SQLite, in a cluster\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^\$ kubectl -n scim-system exec (?:-i )?\S+ -- (python .*)$", section, re.MULTILINE)
    vacuum, fetch, remove, remove_old, put = [
        command.replace("/var/lib/scim", str(tmp_path)).replace("python", sys.executable, 1) for command in commands
    ]
    file = tmp_path / "scim.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE numbers AS SELECT 42 AS number")
        database.commit()
        for command in (vacuum, fetch.replace("> backup.db", f"> {tmp_path}/fetched.db"), remove):
            subprocess.run(command, shell=True, check=True)
    assert not (tmp_path / "backup.db").exists()

    file.write_bytes(b"damaged")
    (tmp_path / "scim.db-wal").write_bytes(b"of another")
    for command in (remove_old, put.replace("< backup.db", f"< {tmp_path}/fetched.db")):
        subprocess.run(command, shell=True, check=True)
    assert not (tmp_path / "scim.db-wal").exists()
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT number FROM numbers").fetchall() == [(42,)]
