"""The whole loop but for kopf: what nobody's event tells is noticed all the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from scim_operator.delivery import Delivery, replicas_at
from scim_operator.reconcile import Controller, ControllerSettings
from scim_operator.reconcile.metrics import Metrics
from tests.scim_operator.reconcile.conftest import Object, World
from tests.support.until import until


@pytest.fixture
async def controller(world: World) -> AsyncIterator[Controller]:
    world.apply(world.secret(), world.config(), world.mapping())
    world.delivery = Delivery(
        world._management, replicas_at([world.stub.url]), poll_seconds=0.2, patience_seconds=0.2
    )
    settings = ControllerSettings(world.names, instance="test")
    made = Controller(world.client, world.delivery, settings, Metrics())
    async with made.running():
        made.triggers.config_event("ADDED", world.get("provisioningconfig", "okta"))
        wanted = {"ConfigMap", "provisioningconfigs/okta", "rolemappings/roles"}
        await until(lambda: wanted <= set(world.client.written))
        yield made


async def test_a_deleted_shard_is_made_again_by_itself(world: World, controller: Controller) -> None:
    revision = world.stored_config().revision
    for kind, name in (("configmap", world.config_map), ("secret", world.secret_name)):
        world.client.written.clear()
        world.delete(kind, name)
        await until(lambda: "ConfigMap" in world.client.written)
        assert [tenant.name for tenant in world.stored_config().tenants] == ["okta"]
        assert world.stored_config().revision == world.stored_secrets().revision > revision
        revision = world.stored_config().revision
        await until(lambda: world.stub.holder.revision_of(world.shard) == world.stored_config().revision)


async def test_junk_in_a_shard_is_written_over_by_itself(world: World, controller: Controller) -> None:
    before = world.stored_config()
    world.client.written.clear()
    world.patch("configmap", world.config_map, world.junk())
    await until(lambda: "ConfigMap" in world.client.written)
    assert world.stored_config().tenants == before.tenants


async def test_a_status_edited_by_hand_is_restored(world: World, controller: Controller) -> None:
    def tell(kind: str, name: str) -> Object:
        found = world.get(kind, name)
        handle = (
            controller.triggers.config_event if kind == "provisioningconfig" else controller.triggers.mapping_event
        )
        handle("MODIFIED", found)
        return found

    tell("provisioningconfig", "okta")
    controller.triggers.mapping_event("ADDED", world.get("rolemapping", "roles"))
    for kind, plural, name in (
        ("provisioningconfig", "provisioningconfigs", "okta"),
        ("rolemapping", "rolemappings", "roles"),
    ):
        good = world.get(kind, name)["status"]
        edited = {"status": {"conditions": [item | {"reason": "ByHand"} for item in good["conditions"]]}}
        await asyncio.to_thread(world.patch, kind, name, edited, status=True)
        world.client.written.clear()
        tell(kind, name)
        await until(lambda what=f"{plural}/{name}": what in world.client.written)  # type: ignore[misc]
        assert world.get(kind, name)["status"] == good


async def test_a_late_answer_is_told_to_those_that_wait_for_it_alone(world: World, controller: Controller) -> None:
    world.apply(world.secret("entra"), world.config("entra"))
    controller.triggers.config_event("ADDED", world.get("provisioningconfig", "entra"))
    await until(lambda: world.conditions("provisioningconfig", "entra").get("Ready") == ("True", "Succeeded"))
    reads: list[str] = []
    read = world.client.get_config

    async def counting(key: object) -> Object | None:
        reads.append(str(key))
        return await read(key)  # type: ignore[arg-type]

    world.client.get_config = counting  # type: ignore[method-assign]
    world.stub.held = asyncio.Event()
    world.apply(world.config(displayName="Renamed"))
    controller.triggers.config_event("MODIFIED", world.get("provisioningconfig", "okta"))
    await until(lambda: world.conditions("provisioningconfig", "okta")["Programmed"] == ("False", "InProgress"))
    world.stub.held.set()
    await until(lambda: world.conditions("provisioningconfig", "okta")["Programmed"] == ("True", "Succeeded"))
    assert set(reads) == {str(world.okta)}
