"""`GET /{namespace}/{name}/events`, the feed that applications follow, on both databases."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import jsonschema
import pytest

from scim_server.app import Server
from scim_server.clock import utc_now
from scim_server.directory.feed import LONGEST_WAIT_SECONDS, MOST_EVENTS
from scim_server.storage.protocol import Writer
from tests.scim_server.storage.raw_sql import execute
from tests.support.serving import EFFECTIVE, Connection, bundle_of, client_of
from tests.support.storages import open_storage
from tests.support.until import until

RIVAL = Connection("rival/okta")


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
async def feed(server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    """An application that asks for `""`."""
    async with client_of(server.url, headers={"Authorization": f"Bearer {connection.token('read')}"}) as client:
        client.base_url = httpx.URL(f"{server.url}/{connection.key}/events")
        yield client


async def _page(client: httpx.AsyncClient, **parameters: str | int) -> dict[str, Any]:
    answer = await client.get("", params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    page: dict[str, Any] = answer.json()
    assert set(page) == {"events", "next"}
    return page


async def _add(provider: httpx.AsyncClient, *names: str) -> list[str]:
    return [(await provider.post("/Users", json={"userName": name})).json()["id"] for name in names]


def _names(page: dict[str, Any]) -> list[str]:
    return [event["user"]["userName"] for event in page["events"]]


async def test_the_feed_from_the_beginning_and_from_now_on(
    provider: httpx.AsyncClient, feed: httpx.AsyncClient, connection: Connection
) -> None:
    """provisioning.md, "Events for applications": a pull feed with a cursor."""
    empty = await _page(feed)
    assert empty["events"] == []
    assert await _page(feed, after=empty["next"]) == empty

    await _add(provider, "ann", "bob", "cid")
    everything = await _page(feed)
    assert _names(everything) == ["ann", "bob", "cid"]
    assert everything == await _page(feed, after=empty["next"])
    assert everything["events"][0].items() >= {"type": "user.created", "tenant": connection.key}.items()
    sequences = [event["sequence"] for event in everything["events"]]
    assert sequences == sorted(set(sequences))

    first = await _page(feed, limit=2)
    second = await _page(feed, limit=2, after=first["next"])
    assert (_names(first), _names(second)) == (["ann", "bob"], ["cid"])
    assert (await _page(feed, after=second["next"]))["events"] == []

    now = await _page(feed, after="now", wait=30)
    assert now["events"] == []
    await _add(provider, "dee")
    assert _names(await _page(feed, after=now["next"])) == ["dee"]
    assert _names(await _page(feed, AFTER=second["next"], wait=30)) == ["dee"]


async def test_events_are_what_the_document_says(
    provider: httpx.AsyncClient, application: httpx.AsyncClient, feed: httpx.AsyncClient
) -> None:
    """provisioning.md, "Events for applications": what an event holds."""
    ann, bob = await _add(provider, "ann", "bob")
    members = [{"value": ann}, {"value": bob}]
    group = (await provider.post("/Groups", json={"displayName": "App Admins", "members": members})).json()["id"]
    await provider.put(f"/Users/{ann}", json={"userName": "ann", "displayName": "Ann"})
    for active in (False, True):
        await provider.put(f"/Users/{ann}", json={"userName": "ann", "displayName": "Ann", "active": active})
    await provider.put(f"/Groups/{group}", json={"displayName": "App Admins", "externalId": "1", "members": []})
    await provider.delete(f"/Groups/{group}")
    await provider.delete(f"/Users/{bob}")

    page = await _page(feed)
    document = (await provider.get("/openapi.json")).json()
    root = {"$ref": "#/components/schemas/EventPage", "components": document["components"]}
    jsonschema.Draft202012Validator(root, format_checker=jsonschema.FormatChecker()).validate(page)
    kinds = {event["type"] for event in page["events"]}
    assert len(kinds) == 10, kinds  # of the others some come with time, some from the operator

    shown = (await application.get(f"/Users/{ann}")).json()[EFFECTIVE]
    told = [event["user"] for event in page["events"] if event.get("user", {}).get("id") == ann][-1]
    assert [role["value"] for role in told["roles"]] == [role["value"] for role in shown["roles"]]
    assert (told["state"], told["permissions"]) == (shown["state"], shown["permissions"])


@pytest.mark.databases("sqlite")
async def test_how_far_behind_an_application_is_can_be_seen(
    provider: httpx.AsyncClient, feed: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await _add(provider, "ann", "bob")
    await _page(feed, limit=1)
    metrics = (await management.get("/metrics")).text
    (lag,) = re.findall(
        r'^scim_feed_lag_seconds\{credential="read",tenant="acme/okta"\} (\S+)$', metrics, re.MULTILINE
    )
    assert 0 < float(lag) < 600


async def test_waiting_ends_with_an_event_of_the_tenant(
    server: Server, connection: Connection, provider: httpx.AsyncClient, feed: httpx.AsyncClient
) -> None:
    await server.intake.offer(bundle_of(connection, RIVAL, revision=2), "test")
    token = (await _page(feed, after="now"))["next"]
    waiting = [asyncio.create_task(_page(feed, after=token, wait=60)) for _ in range(3)]
    async with client_of(server.url, RIVAL) as rival:
        await _add(rival, "eve")
    assert not any(task.done() for task in waiting)

    await _add(provider, "ann")
    async with asyncio.timeout(30):
        assert [_names(page) for page in await asyncio.gather(*waiting)] == [["ann"]] * 3


async def test_waiting_ends_with_an_event_that_another_replica_writes(
    database_url: str, server: Server, connection: Connection, feed: httpx.AsyncClient
) -> None:
    token = (await _page(feed, after="now"))["next"]
    waiting = asyncio.create_task(_page(feed, after=token, wait=60))
    other = open_storage(database_url)
    await other.open()
    await other.insert_user(connection.key, {"userName": "ann", "active": True}, True)
    await other.close()
    async with asyncio.timeout(30):
        assert _names(await waiting) == ["ann"]


@pytest.mark.databases("sqlite")
async def test_waiting_ends_in_vain_and_at_the_server_s_end(
    server: Server, feed: httpx.AsyncClient, provider: httpx.AsyncClient
) -> None:
    token = (await _page(feed, after="now"))["next"]
    assert await _page(feed, after=token, wait=1) == {"events": [], "next": token}

    waiting = [asyncio.create_task(feed.get("", params={"after": token, "wait": 60})) for _ in range(20)]
    await until(lambda: server.feed.arrivals.waiting == 20)
    refused = await feed.get("", params={"after": token, "wait": 1})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "waiting_requests" in refused.json()["detail"]
    assert (await feed.get("", params={"after": token})).status_code == 200

    async with asyncio.timeout(20):  # less than the time that requests may take at the end
        await server.stop()
        answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == {"events": [], "next": token} for answer in answers)


async def test_who_comes_too_late_is_told_how_to_start_again(
    server: Server, connection: Connection, provider: httpx.AsyncClient, feed: httpx.AsyncClient
) -> None:
    async def forget(before: timedelta, limit: int = 10) -> int:
        async def work(writer: Writer) -> int:
            return await writer.forget_events(utc_now() - before, limit)

        return await server.storage.write(connection.key, work)

    beginning = (await _page(feed))["next"]
    await _add(provider, "ann", "bob", "cid")
    first, everything = await _page(feed, limit=1), await _page(feed)
    assert await forget(timedelta(hours=1)) == 0
    assert _names(await _page(feed, after=beginning)) == ["ann", "bob", "cid"]

    assert await forget(timedelta(0), limit=2) == 2
    assert _names(await _page(feed)) == ["cid"]
    gone = await feed.get("", params={"after": first["next"]})
    assert gone.status_code == 410
    assert "after=now, then read all users and groups, then follow from that token" in gone.json()["detail"]
    assert (await feed.get("", params={"after": beginning})).status_code == 410

    assert await forget(timedelta(0)) == 1
    assert (await _page(feed, after=everything["next"]))["events"] == []
    from_now_on = await _page(feed)
    assert from_now_on["events"] == []
    await _add(provider, "dee")
    for token in (everything["next"], from_now_on["next"]):
        assert _names(await _page(feed, after=token)) == ["dee"]


async def test_a_token_of_a_database_that_was_restored_is_noticed(
    server: Server, database_url: str, connection: Connection, provider: httpx.AsyncClient, feed: httpx.AsyncClient
) -> None:
    """Its positions are given a second time, to other events."""
    await _add(provider, "ann", "bob")
    token = (await _page(feed))["next"]
    sql = "UPDATE events SET id = '5d3ab8a4-2d0f-4a52-8d8e-6d1e1f4c0f55' WHERE payload LIKE '%\"bob\"%'"
    await execute(database_url, sql)
    gone = await feed.get("", params={"after": token})
    assert gone.status_code == 410
    assert "begun anew" in gone.json()["detail"]


@pytest.mark.databases("sqlite")
async def test_who_may_ask_what(
    server: Server, connection: Connection, provider: httpx.AsyncClient, feed: httpx.AsyncClient
) -> None:
    await server.intake.offer(bundle_of(connection, RIVAL, revision=2), "test")
    async with client_of(server.url) as anybody:
        path = f"/{connection.key}/events"
        assert (await anybody.get(path)).status_code == 401
        authorization = {"Authorization": f"Bearer {RIVAL.token('read')}"}
        assert (await anybody.get(path, headers=authorization)).status_code == 401
        foreign = (await anybody.get(f"/{RIVAL.key}/events", headers=authorization)).json()["next"]
        authorization = {"Authorization": f"Bearer {connection.token('provision')}"}
        refused = await anybody.get(path, headers=authorization)
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            "this credential has access Provision: events are for one of access Read",
        )
    assert (await provider.get("/events")).status_code == 404
    assert (await feed.post("", json={})).status_code == 405

    for parameters, attribute in (
        ({"after": "x"}, "after"),
        ({"after": foreign}, "after"),
        ({"limit": "0"}, "limit"),
        ({"limit": str(MOST_EVENTS + 1)}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"wait": str(LONGEST_WAIT_SECONDS + 1)}, "wait"),
        ({"wait": "-1"}, "wait"),
    ):
        answer = await feed.get("", params=parameters)
        assert answer.status_code == 400, parameters
        assert answer.json()["detail"].startswith(f"{attribute}: ")
        assert answer.json()["scimType"] == "invalidValue"
    assert (await feed.get("", params={"after": "", "limit": "", "wait": ""})).status_code == 200
