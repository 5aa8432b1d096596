"""The debug capture: what a provider sent and was answered, without what is personal or secret."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_server.app import Server, ServerSettings
from scim_server.background.retention import Retention
from scim_server.config import ConfigBundle
from scim_server.metrics import Metrics
from scim_server.storage.tables.captures import Capture
from tests.support.serving import MANAGEMENT_HEADERS, PATCH_OP, Connection, bundle_of, client_of
from tests.support.storages import SetClock
from tests.support.warm_programs import run_program

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PERSONAL = ("ada", "lovelace", "acme.com", "hunter2", "0042")


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
async def server(database_url: str, management_token_file: Path, clock: SetClock) -> AsyncIterator[Server]:
    settings = ServerSettings(
        database=database_url, port=0, management_port=0, management_token_file=management_token_file
    )
    async with Server(settings, clock=clock) as server:
        await server.intake.offer(_captured_until(NOON + timedelta(minutes=90)), "test")
        assert await server.applier.wait_applied(1, 10)
        yield server


def _captured_until(until: datetime) -> ConfigBundle:
    bundle = bundle_of(Connection())
    tenants = tuple(tenant.model_copy(update={"capture_until": until}) for tenant in bundle.config.tenants)
    return ConfigBundle(config=bundle.config.model_copy(update={"tenants": tenants}), secrets=bundle.secrets)


async def test_requests_are_captured_for_an_hour_without_values(server: Server, clock: SetClock) -> None:
    """provisioning.md, "Sync log": a per-tenant debug capture can be switched on for an hour, redacted."""
    user = {
        "userName": "ada@acme.com",
        "externalId": "0042",
        "active": "True",
        "password": "hunter2",
        "name": {"familyName": "Lovelace"},
        "emails": [{"value": "ada@acme.com", "type": "work", "primary": True}],
    }
    patch = {"op": "Replace", "path": 'emails[value eq "ada@acme.com"].value', "value": "ada@acme.com"}
    async with (
        client_of(server.url, Connection()) as provider,
        client_of(server.management_url, headers=MANAGEMENT_HEADERS) as management,
    ):

        async def captured() -> list[dict[str, Any]]:
            await server.captures.write()
            found: list[dict[str, Any]] = (await management.get("/v1/tenants/acme/okta/log/captured")).json()[
                "captured"
            ]
            return found

        async def tick(_: httpx.Response) -> None:
            clock.now += timedelta(seconds=1)

        provider.event_hooks = {"response": [tick]}
        await provider.post("/Users", json={"userName": "early"})
        assert await captured() == []  # of the ninety minutes the last sixty count
        clock.now += timedelta(minutes=31)
        created = await provider.post("/Users", json=user)
        ada = created.json()["id"]
        await provider.patch(f"/Users/{ada}", json={"schemas": [PATCH_OP], "Operations": [patch]})
        await provider.get("/Users", params={"filter": 'userName eq "ada@acme.com" or title eq ada', "count": "5"})
        await provider.post("/Users", content=b'{"userName": "ada@acme.com",')
        await provider.post("/Users", content=b'"' + b"a" * 70_000 + b'"')
        clock.now += timedelta(minutes=59)
        await provider.post("/Users", json={"userName": "late"})

        first, second, third, broken, large = found = await captured()
        assert first["request"] == {
            "userName": "(text of 12)",
            "externalId": "(text of 4)",
            "active": "True",
            "password": "(secret)",
            "name": {"familyName": "(text of 8)"},
            "emails": [{"value": "(text of 12)", "type": "work", "primary": True}],
        }
        assert (first["status"], first["answer"]["id"], first["answer"]["active"]) == (201, ada, True)
        assert first["requestId"] == created.headers["x-request-id"]
        assert second["request"]["Operations"] == [
            {"op": "Replace", "path": 'emails[value eq "…"].value', "value": "(text of 12)"}
        ]
        assert (second["route"], second["id"], second["method"]) == ("/Users/{id}", ada, "PATCH")
        assert third["parameters"] == {"filter": 'userName eq "…" or title eq …', "count": "5"}
        assert (broken["status"], broken["request"]) == (400, "(not JSON, or compressed)")
        assert large["request"] == "(too large to be captured)"
        assert not [one for one in PERSONAL if one in json.dumps(found).lower().replace(ada, "")]

        retention = Retention(server.storage, Metrics(), clock)
        clock.now += timedelta(hours=23)
        await retention.do()
        assert len(await captured()) == 5
        clock.now += timedelta(hours=2)
        await retention.do()
        assert await captured() == []


@pytest.mark.databases("sqlite")
async def test_the_command_prints_what_is_captured(server: Server, database_url: str) -> None:
    captures = [Capture(str(uuid.uuid4()), NOON + timedelta(seconds=number), "{}") for number in range(510)]
    await server.storage.keep_captures("acme/okta", captures)
    printed = [
        run_program("scim-operator", "log", "--captured", *arguments).stdout
        for arguments in (("--database", database_url), ("--database", database_url, "-o", "jsonl"))
    ]
    assert [one["time"] for one in json.loads(printed[0])][:1] == ["2026-11-28T12:00:10.000Z"]
    assert len(json.loads(printed[0])) == len(printed[1].splitlines()) == 500
    wrong = run_program("scim-operator", "log", "--captured", "--user", "ada", "--database", database_url)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
