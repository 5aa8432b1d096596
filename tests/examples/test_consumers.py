"""The applications in examples/consumers, each against a real server: the feed, the webhook, and starting again.

They are those of docs/how-to/use-roles-in-an-application.md.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.checkers.build import CONSUMER
from tests.examples.folders import ROOT
from tests.scim_server.storage.raw_sql import execute
from tests.support.debian import program
from tests.support.processes import free_port, kill_process, log_tail, start_process
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of, client_of
from tests.support.until import until

pytestmark = pytest.mark.xdist_group("consumers")  # which share a server

LANGUAGES = ("python", "node", "go")
FOLDER = ROOT / "examples/consumers"
OLD_SECRET, SECRET = "whsec_b2xkLXNlY3JldC1vZi10aGUtd2ViaG9vaw==", "whsec_bmV3LXNlY3JldC1vZi10aGUtd2ViaG9vaw=="
_COMMANDS: dict[str, Callable[[], list[str | Path]]] = {
    "python": lambda: [sys.executable, FOLDER / "python/consumer.py"],
    "node": lambda: [program("nodejs"), FOLDER / "node/consumer.mjs"],
    "go": lambda: [CONSUMER.built() / "consumer"],
}


class Consumer:
    """One of them, which keeps its copy over restarts."""

    def __init__(self, language: str, directory: Path, url: str, token: str) -> None:
        self._command = _COMMANDS[language]()
        self._log = directory / "consumer.log"
        self._state_file = directory / "state.json"
        self._environment = {"SCIM_URL": url, "SCIM_TOKEN": token, "STATE_FILE": str(self._state_file)}
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *secrets: str) -> None:
        """With secrets webhooks tell it when to look."""
        env = self._environment | {"WEBHOOK_SECRETS": " ".join(secrets), "PORT": str(self._port)}
        self._process = start_process(self._command, log=self._log, env=env)

    def kill(self) -> None:
        if self._process is not None:
            kill_process(self._process)
            self._process = None

    @property
    def users(self) -> dict[str, tuple[str, list[str]]]:
        """State and roles by userName."""
        if not self._state_file.exists():
            return {}
        users: list[dict[str, Any]] = [*json.loads(self._state_file.read_text())["users"].values()]
        return {user["userName"]: (user["state"], user["roles"]) for user in users}

    @property
    def output(self) -> list[str]:
        return self._log.read_text().splitlines()

    async def has(self, **users: tuple[str, list[str]]) -> None:
        try:
            await until(lambda: self.users == users)
        except TimeoutError:
            raise AssertionError(f"{self.users}, and not {users}\n{log_tail(self._log)}") from None

    async def deliver(self, secret: str, *, sent: datetime | None = None, body: str | None = None) -> int:
        """The status that a webhook gets. `body`: another one than was signed."""
        sent = sent or datetime.now(UTC)
        signed = json.dumps({"type": "user.updated", "timestamp": sent.isoformat(), "data": {}})
        headers = {
            "webhook-id": "msg-1",
            "webhook-timestamp": str(int(sent.timestamp())),
            # Beside the signature with a key that the receiver doesn't have yet.
            "webhook-signature": f"v1,bm90LW91cnM= {Webhook(secret).sign('msg-1', sent, signed)}",
        }
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            url = f"http://127.0.0.1:{self._port}/"
            return (await client.post(url, content=body or signed, headers=headers)).status_code

    async def listens(self) -> None:
        async with asyncio.timeout(60):
            while True:
                with suppress(httpx.TransportError):
                    assert await self.deliver("whsec_bm9ib2R5J3M=") == 401
                    return
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('consumers')}/scim.db"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[ServerProcess]:
    connections = [Connection(f"acme/{language}") for language in LANGUAGES]
    process = ServerProcess(tmp_path_factory.mktemp("server"), database_url, bundle_of(*connections))
    process.start()
    yield process
    process.kill()


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connection(language: str) -> Connection:
    return Connection(f"acme/{language}")


@pytest.fixture
def consumer(language: str, connection: Connection, server: ServerProcess, tmp_path: Path) -> Iterator[Consumer]:
    made = Consumer(language, tmp_path, f"{server.url}/{connection.key}", connection.token("read"))
    yield made
    made.kill()


@pytest.fixture
async def provider(server: ServerProcess, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(server.url, connection) as client:
        yield client


async def test_an_application_follows_what_changes(
    consumer: Consumer, provider: httpx.AsyncClient, connection: Connection, database_url: str
) -> None:
    """provisioning.md, "Events for applications": the feed, a webhook, and the whole state to reconcile."""

    async def add(name: str) -> str:
        return str((await provider.post("/Users", json={"userName": name})).json()["id"])

    async def change(path: str, *operations: dict[str, Any]) -> None:
        assert (await provider.patch(path, json={"Operations": operations})).is_success

    ada, alan = await add("ada"), await add("alan")
    group = (await provider.post("/Groups", json={"displayName": "App Admins"})).json()["id"]
    await change(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ada}]})

    consumer.start()
    await consumer.has(ada=("active", ["admin", "viewer"]), alan=("active", ["guest", "viewer"]))
    await change(f"/Groups/{group}", {"op": "replace", "path": "members", "value": [{"value": alan}]})
    await change(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
    await consumer.has(ada=("blocked", []), alan=("active", ["admin", "viewer"]))

    consumer.kill()
    await add("grace")
    assert (await provider.delete(f"/Users/{alan}")).status_code == 204
    consumer.start(OLD_SECRET, SECRET)
    await consumer.has(ada=("blocked", []), grace=("active", ["guest", "viewer"]))
    assert consumer.output == ["2 users read", "sessions of ada ended", "sessions of alan ended"]

    await consumer.listens()
    await change(f"/Users/{ada}", {"op": "replace", "path": "active", "value": True})
    assert await consumer.deliver(SECRET) == 204
    await consumer.has(ada=("active", ["guest", "viewer"]), grace=("active", ["guest", "viewer"]))
    assert await consumer.deliver(OLD_SECRET) == 204
    assert await consumer.deliver(SECRET, sent=datetime.now(UTC) - timedelta(minutes=6)) == 401
    assert await consumer.deliver(SECRET, body="{}") == 401

    consumer.kill()
    await change(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
    forgotten = "(SELECT max(position) FROM events WHERE events.tenant = tenants.tenant)"
    await execute(
        database_url, f"UPDATE tenants SET events_forgotten = {forgotten} WHERE tenant = '{connection.key}'"
    )
    consumer.start(SECRET)
    await consumer.has(ada=("blocked", []), grace=("active", ["guest", "viewer"]))
    await until(lambda: consumer.output[3:] == ["sessions of ada ended", "2 users read"])
