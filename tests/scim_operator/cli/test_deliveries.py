"""`scim-operator deliveries`, on a database and at a management port: the same either way."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scim_server.config import Webhook
from tests.support.receivers import receiving, status, unless
from tests.support.serving import MANAGEMENT_HEADERS, Connection, client_of
from tests.support.storages import SetClock
from tests.support.warm_programs import run_program
from tests.support.webhooks import add_user, deliveries_in, sending, with_webhooks

pytestmark = pytest.mark.databases("sqlite")


async def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_program, "scim-operator", "deliveries", *arguments)


async def _printed(*arguments: str | Path) -> str:
    result = await _run(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


async def _json(*arguments: str | Path) -> Any:
    return json.loads(await _printed(*arguments, "-o", "json"))


async def test_deliveries_are_listed_and_made_once_more(
    database_url: str, connection: Connection, management_token_file: Path
) -> None:
    """provisioning.md, "Events for applications": "with a delivery log and replay"."""
    async with receiving() as crm, receiving() as erp:
        webhooks = [
            Webhook(name="crm", url=crm.url),
            Webhook(name="erp", url=erp.url, events=("user.created", "group.*")),
        ]
        bundle = with_webhooks(connection, webhooks)
        settings = {"management_port": 0, "management_token_file": management_token_file}
        clock = SetClock(datetime.now(UTC))  # nothing is tried again by itself
        async with (
            sending(database_url, bundle, clock, **settings) as server,
            client_of(server.url, connection) as provider,
        ):
            crm.answer = unless(lambda received: received.event["user"]["userName"] != "bob", 422)
            ann, bob = await add_user(provider, "ann"), await add_user(provider, "bob")
            await provider.delete(f"/Users/{ann}")
            await deliveries_in(server, connection.key, 5)
            await crm.until(lambda receiver: len(receiver.attempts) == 3)
            await deliveries_in(server, connection.key, 1, state="pending")
            database = ("--database", database_url)
            remote = ("--server", server.management_url, "--token-file", management_token_file)

            found = (await _json(*database))["deliveries"]
            assert [(one["webhook"], one["type"], one["subject"], one["state"]) for one in found] == [
                ("crm", "user.deleted", ann, "delivered"),
                ("crm", "user.created", bob, "pending"),
                ("erp", "user.created", bob, "delivered"),
                ("crm", "user.created", ann, "delivered"),
                ("erp", "user.created", ann, "delivered"),
            ]
            assert (found[1]["status"], found[1]["error"], found[1]["attempts"]) == (422, "status 422", 1)
            assert found[1]["nextAt"] > found[1]["triedAt"]
            for place in (database, remote):
                assert (await _json(*place))["deliveries"] == found
                assert (await _json(*place, "--limit", "2"))["deliveries"] == found[:2]
                assert (await _json(*place, "--webhook", "erp", "--user", bob))["deliveries"] == found[2:3]
                assert (await _json(*place, "--state", "pending", "--since", "1h"))["deliveries"] == found[1:2]
                assert (await _json(*place, "--event", found[0]["event"]))["deliveries"] == found[:1]
                assert await _printed(*place, "--until", "1h") == "no deliveries\n"
            table = (await _printed(*database)).splitlines()
            assert table[0].split() == ["TIME", "WEBHOOK", "TYPE", "STATE", "ATTEMPTS", "NEXT", "EVENT", "ERROR"]
            assert table[2].endswith("status 422")
            async with client_of(server.management_url, headers=MANAGEMENT_HEADERS) as management:
                first = (await management.get(f"/v1/tenants/{connection.key}/deliveries", params={"limit": 2})).json()
                rest = {"limit": 100, "after": first["next"]}
                second = (await management.get(f"/v1/tenants/{connection.key}/deliveries", params=rest)).json()
                assert first["deliveries"] + second["deliveries"] == found
                shown = (await management.get("/v1/status")).json()["tenants"][connection.key]["webhooks"]
                assert [(one["name"], one["pending"]) for one in shown] == [("crm", 1), ("erp", 0)]
                assert shown[1]["state"] == "Active"
                assert shown[0]["lastFailure"]["reason"] == "status 422"

            crm.answer = status(204)
            assert await _json(*database, "--replay", found[1]["event"]) == {"deliveries": 2}
            assert await _printed(*remote, "--replay", "range", "--since", "1h", "--webhook", "erp") == (
                "2 deliveries are made once more\n"
            )
            clock.now += timedelta(hours=1)
            await crm.until(lambda receiver: len(receiver.taken) == 3)
            await erp.until(lambda receiver: len(receiver.taken) >= 4)
            await deliveries_in(server, connection.key, 5, state="delivered")
            assert {one.id for one in erp.taken} == {found[2]["event"], found[4]["event"]}

            for place in (database, remote):
                for wrong, told in (
                    (("--replay", "2ad1cd0f-9f6c-4c2c-a5c4-6c3cd8a9c001"), "was never to be delivered"),
                    (("--replay", "range", "--since", "1h", "--webhook", "nobody"), "there is no webhook nobody"),
                ):
                    result = await _run(*place, *wrong)
                    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
                    assert told in result.stderr
            for usage in (["--replay", "range"], ["--replay", found[0]["event"], "--since", "1h"]):
                result = await _run(*database, *usage)
                assert (result.returncode, result.stderr.count("\n")) == (2, 1)
