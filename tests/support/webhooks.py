"""Servers that send webhooks to receivers of the tests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from scim_server.app import Server, ServerSettings
from scim_server.clock import Clock, utc_now
from scim_server.config import ConfigBundle, Webhook
from scim_server.storage.delivery_query import DeliveryQuery
from scim_server.storage.records import Delivery
from tests.support.receivers import KEY
from tests.support.serving import PATCH_OP, Connection, bundle_of


def with_webhooks(
    connection: Connection, webhooks: Sequence[Webhook], revision: int = 1, **keys: Sequence[str]
) -> ConfigBundle:
    """`keys`: by the webhook's name, where it isn't `KEY` alone."""
    bundle = bundle_of(connection, revision=revision)
    tenant = bundle.config.tenants[0].model_copy(update={"webhooks": tuple(webhooks)})
    webhook_keys = {tenant.webhook_key(one.name): tuple(keys.get(one.name, (KEY,))) for one in webhooks}
    return ConfigBundle(
        config=bundle.config.model_copy(update={"tenants": (tenant,)}),
        secrets=bundle.secrets.model_copy(update={"webhook_keys": webhook_keys}),
    )


class LaterClock:
    """The time of the machine, and what a test adds to it."""

    def __init__(self) -> None:
        self.later = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.later


@asynccontextmanager
async def sending(url: str, bundle: ConfigBundle, clock: Clock = utc_now, **settings: Any) -> AsyncIterator[Server]:
    """A server that sends to the webhooks of `bundle`, as soon as this gives it."""
    everything = {"port": 0, "management_port": None, "loopback_webhooks": True} | settings
    async with Server(ServerSettings(database=url, **everything), clock=clock) as server:
        await server.intake.offer(bundle, "test")
        assert await server.applier.wait_applied(bundle.config.revision, 30)
        await until_owned(server, {webhook.name for tenant in bundle.config.tenants for webhook in tenant.webhooks})
        yield server


async def until_owned(server: Server, names: set[str]) -> None:
    """The database knows these webhooks and no others, and some server sends to each."""
    async with asyncio.timeout(60):
        while {each.name for each in await server.storage.webhooks() if each.owner} != names:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def deliveries_in(server: Server, tenant: str, number: int, **wanted: Any) -> Sequence[Delivery]:
    """As soon as there are so many: the first of them first."""
    async with asyncio.timeout(60):
        while True:
            found = await server.storage.read(tenant, lambda reader: reader.deliveries(DeliveryQuery(**wanted), 1000))
            if len(found) == number:
                return found[::-1]
            await asyncio.sleep(0.02)


async def add_user(provider: httpx.AsyncClient, user_name: str) -> str:
    answer = await provider.post("/Users", json={"userName": user_name})
    assert answer.status_code == 201, answer.text
    user_id: str = answer.json()["id"]
    return user_id


async def set_title(provider: httpx.AsyncClient, user_id: str, title: str) -> None:
    operation = {"op": "replace", "value": {"title": title}}
    answer = await provider.patch(f"/Users/{user_id}", json={"schemas": [PATCH_OP], "Operations": [operation]})
    assert answer.status_code == 200, answer.text
