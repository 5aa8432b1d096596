"""provisioning.md, "Events for applications": delivery by webhook, to real receivers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from scim_server.app import Server
from scim_server.background.deliveries import DeliveryWork
from scim_server.clock import utc_now
from scim_server.config import ConfigHolder, Webhook
from scim_server.storage.delivery_query import Replay
from scim_server.storage.records import DeliveryState
from scim_server.webhooks.replaying import replay
from scim_server.webhooks.sender import CONNECTIONS
from tests.support.receivers import KEY, OTHER_KEY, Received, Receiver, held_until, receiving, status, unless
from tests.support.serving import Connection, client_of
from tests.support.webhooks import (
    LaterClock,
    add_user,
    deliveries_in,
    sending,
    set_title,
    until_owned,
    with_webhooks,
)


@pytest.fixture
async def crm() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_events_arrive_signed_and_in_order(database_url: str, connection: Connection, crm: Receiver) -> None:
    """ "Delivered by webhook (Standard Webhooks signatures with overlapping key rotation …), in order per user"."""
    webhook = Webhook(name="crm", url=crm.url, events=("user.*",))
    bundle = with_webhooks(connection, [webhook], crm=[KEY, OTHER_KEY])
    async with sending(database_url, bundle) as server, client_of(server.url, connection) as provider:
        users = [await add_user(provider, f"u{number}") for number in range(3)]
        for title in "abc":
            for user in users:
                await set_title(provider, user, title)
        await provider.post("/Groups", json={"displayName": "Not for this webhook"})
        await crm.until(lambda receiver: len(receiver.taken) >= 12)
    for user in users:
        events = [one.event for one in crm.taken if one.event["user"]["id"] == user]
        assert [event["type"] for event in events] == ["user.created", *["user.updated"] * 3]
        assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
    for one in crm.taken:
        assert one.verified(KEY)["data"] == one.verified(OTHER_KEY)["data"] == one.event
        assert one.id == one.event["id"]


def of(user_id: str) -> Callable[[Received], bool]:
    return lambda received: received.event["user"]["id"] == user_id


async def test_an_event_that_fails_holds_up_its_own_user_alone(
    database_url: str, connection: Connection, crm: Receiver
) -> None:
    """ "at least once, in order per user": the same id on each attempt, and others go on."""
    clock = LaterClock()
    bundle = with_webhooks(connection, [Webhook(name="crm", url=crm.url, events=("user.*",))])
    async with sending(database_url, bundle, clock) as server, client_of(server.url, connection) as provider:
        ann, bob = await add_user(provider, "ann"), await add_user(provider, "bob")
        await crm.until(lambda receiver: len(receiver.taken) == 2)
        crm.answer = unless(lambda received: not of(ann)(received), 500)
        for title in ("a", "b", "c"):
            await set_title(provider, ann, title)
            await set_title(provider, bob, title)
        await crm.until(lambda receiver: len(receiver.taken) == 5)
        waiting = await deliveries_in(server, connection.key, 3, state=DeliveryState.PENDING)
        assert [(one.subject, one.attempts, one.status) for one in waiting] == [
            (ann, 1, 500),
            (ann, 0, None),
            (ann, 0, None),
        ]
        assert waiting[0].error == "status 500"
        crm.answer = status(204)
        clock.later += timedelta(seconds=10)
        await crm.until(lambda receiver: len(receiver.taken) == 8)
        done = await deliveries_in(server, connection.key, 8, state=DeliveryState.DELIVERED)
    for user in (ann, bob):
        assert [one.event["sequence"] for one in crm.taken if of(user)(one)] == [
            one.position for one in done if one.subject == user
        ]
    attempts = [one.id for one in crm.attempts if of(ann)(one)]
    assert len(attempts) == 5
    assert len(set(attempts)) == 4
    assert [one.attempts for one in done if one.subject == ann] == [1, 2, 1, 1]


@pytest.mark.databases("sqlite")
async def test_a_receiver_that_hangs_blocks_no_other(
    database_url: str, connection: Connection, crm: Receiver
) -> None:
    """ "a dead endpoint never blocks another"."""
    enough = asyncio.Event()
    async with receiving() as slow:
        slow.answer = held_until(enough)
        webhooks = [Webhook(name="crm", url=crm.url), Webhook(name="slow", url=slow.url)]
        bundle = with_webhooks(connection, webhooks)
        async with sending(database_url, bundle) as server, client_of(server.url, connection) as provider:
            for number in range(40):
                await add_user(provider, f"u{number}")
            await crm.until(lambda receiver: len(receiver.taken) == 40)
            assert len(slow.attempts) <= CONNECTIONS
            enough.set()
            await slow.until(lambda receiver: len(receiver.taken) == 40)
            await deliveries_in(server, connection.key, 80, state=DeliveryState.DELIVERED)
    assert {one.id for one in slow.taken} == {one.id for one in crm.taken}


async def test_a_receiver_that_is_away_gets_everything_when_it_is_back(
    database_url: str, connection: Connection, crm: Receiver
) -> None:
    """ "`Retry-After` obeyed": while it lasts nothing is sent, and little is written."""
    clock = LaterClock()
    bundle = with_webhooks(connection, [Webhook(name="crm", url=crm.url)])
    async with sending(database_url, bundle, clock) as server, client_of(server.url, connection) as provider:
        crm.answer = status(503, Retry_After="3600")
        await add_user(provider, "first")
        await deliveries_in(server, connection.key, 1, state=DeliveryState.PENDING)
        for number in range(30):
            await add_user(provider, f"u{number}")
        clock.later += timedelta(minutes=50)
        [stored] = await server.storage.webhooks()
        assert (stored.last_error, stored.failing_since is not None) == ("status 503", True)
        assert len(crm.attempts) == 1
        crm.answer = status(204)
        clock.later += timedelta(minutes=11)
        await crm.until(lambda receiver: len(receiver.taken) == 31)
        await deliveries_in(server, connection.key, 31, state=DeliveryState.DELIVERED)
        [stored] = await server.storage.webhooks()
        assert (stored.failing_since, stored.next_at) == (None, None)
    assert len(crm.attempts) == 32


@pytest.mark.databases("sqlite")
async def test_after_three_days_it_is_given_up_and_can_be_replayed(
    database_url: str, connection: Connection, crm: Receiver
) -> None:
    """ "retried over three days"; what was given up stands in the log, and a replay sends it."""
    clock = LaterClock()
    bundle = with_webhooks(connection, [Webhook(name="crm", url=crm.url)])
    async with sending(database_url, bundle, clock) as server, client_of(server.url, connection) as provider:
        crm.answer = status(500)
        users = [await add_user(provider, f"u{number}") for number in range(8)]
        await set_title(provider, users[0], "Boss")
        await crm.until(lambda receiver: len(receiver.attempts) >= 5)
        clock.later += timedelta(days=3, minutes=20)
        given_up = await deliveries_in(server, connection.key, 9, state=DeliveryState.FAILED)
        crm.answer = status(204)
        assert await replay(server.storage, connection.key, Replay(since=given_up[0].time)) == 9
        clock.later += timedelta(minutes=13)  # as long as the pause of a receiver that is away
        await crm.until(lambda receiver: len(receiver.taken) == 9)
        await deliveries_in(server, connection.key, 9, state=DeliveryState.DELIVERED)
    assert {one.id for one in crm.taken} == {one.event_id for one in given_up}
    of_first = [one.event["type"] for one in crm.taken if of(users[0])(one)]
    assert of_first == ["user.created", "user.updated"]


@pytest.mark.databases("sqlite")
async def test_410_disables_a_webhook_until_it_is_configured_anew(
    database_url: str, connection: Connection, crm: Receiver
) -> None:
    """ "410 disables"."""
    clock = LaterClock()
    webhook = Webhook(name="crm", url=crm.url)
    async with (
        sending(database_url, with_webhooks(connection, [webhook]), clock) as server,
        client_of(server.url, connection) as provider,
    ):
        crm.answer = status(410)
        await add_user(provider, "ann")
        await deliveries_in(server, connection.key, 1, state=DeliveryState.PENDING)
        crm.answer = status(204)
        await add_user(provider, "bob")
        clock.later += timedelta(days=2)
        # New keys alone are no other receiver.
        await server.intake.offer(with_webhooks(connection, [webhook], 2, crm=[OTHER_KEY]), "test")
        await until_known(server, 2)
        [stored] = await server.storage.webhooks()
        assert stored.disabled
        assert len(crm.attempts) == 1
        other = Webhook(name="crm", url=crm.url + "?new")
        await server.intake.offer(with_webhooks(connection, [other], 3, crm=[OTHER_KEY]), "test")
        await crm.until(lambda receiver: len(receiver.taken) == 2)
    assert [one.event["user"]["userName"] for one in crm.taken] == ["ann", "bob"]


async def test_a_new_webhook_begins_now_and_a_removed_one_is_forgotten(
    database_url: str, connection: Connection, crm: Receiver
) -> None:
    webhook = Webhook(name="crm", url=crm.url)
    async with (
        sending(database_url, with_webhooks(connection, [webhook])) as server,
        client_of(server.url, connection) as provider,
    ):
        await add_user(provider, "before")
        await crm.until(lambda receiver: len(receiver.taken) == 1)
        renamed = Webhook(name="renamed", url=crm.url)
        await server.intake.offer(with_webhooks(connection, [renamed], 2), "test")
        await until_owned(server, {"renamed"})
        assert await deliveries_in(server, connection.key, 0) == []
        await add_user(provider, "after")
        await crm.until(lambda receiver: len(receiver.taken) == 2)
        # What an older configuration says, which another replica may still have, changes nothing.
        older = DeliveryWork(server.storage, ConfigHolder(), server.metrics, utc_now)
        older._holder.offer(with_webhooks(connection, [], 1), "test")
        await older.do()
        assert {each.name for each in await server.storage.webhooks()} == {"renamed"}
    assert [one.event["user"]["userName"] for one in crm.taken] == ["before", "after"]


@pytest.mark.databases("postgresql")
async def test_one_replica_sends_and_another_takes_over(
    database_url: str, connection: Connection, crm: Receiver
) -> None:
    """engine.md, "Events": each is claimed by one replica."""
    bundle = with_webhooks(connection, [Webhook(name="crm", url=crm.url)])
    async with AsyncExitStack() as others:
        first = await others.enter_async_context(sending(database_url, bundle))
        async with sending(database_url, bundle) as second, client_of(second.url, connection) as provider:
            for number in range(20):
                await add_user(provider, f"u{number}")
            await crm.until(lambda receiver: len(receiver.taken) == 20)
            [before] = await second.storage.webhooks()
            await others.aclose()
            for number in range(20, 40):
                await add_user(provider, f"u{number}")
            await crm.until(lambda receiver: len(receiver.taken) == 40)
            [after] = await second.storage.webhooks()
    assert before.owner != after.owner
    assert len({one.id for one in crm.attempts}) == len(crm.attempts) == 40
    assert first is not second


async def until_known(server: Server, revision: int) -> None:
    """The configuration has reached the webhooks."""
    async with asyncio.timeout(60):
        while [each.revision for each in await server.storage.webhooks()] != [revision]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
