"""provisioning.md, "Events for applications": delivery by webhook, to real receivers."""

from collections.abc import AsyncIterator

import pytest

from scim_server.config import Webhook
from tests.support.receivers import KEY, OTHER_KEY, Receiver, receiving
from tests.support.serving import Connection, client_of
from tests.support.webhooks import add_user, sending, set_title, with_webhooks


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
