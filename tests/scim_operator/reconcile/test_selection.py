"""What a reconcile lists and decodes: neither more with more tenants of the same name, nor twice what is known."""

from collections.abc import Sequence
from typing import Any

import pytest

from scim_operator.api import PLURALS, ROLE_MAPPING, ObjectKey
from scim_operator.cluster.connection import ClusterLogin
from scim_operator.reconcile import store
from scim_operator.reconcile.shards import StoredShard, parse_shard
from scim_operator.reconcile.store import ShardStore
from scim_server.config import SHARDS
from tests.control_plane.cluster import ControlPlane
from tests.scim_operator.reconcile.conftest import CountingClient, World


def elsewhere(world: World, namespace: str, *, names_ours: bool) -> dict[str, Any]:
    """A mapping of another namespace that names okta of its own, or of ours."""
    mapping = world.mapping(f"of-{namespace}")
    mapping["metadata"]["namespace"] = namespace
    if names_ours:
        mapping["spec"]["configRef"]["namespace"] = world.namespace
    return mapping


@pytest.mark.parametrize("everywhere", [True, False])
async def test_mappings_are_selected_by_name_and_namespace(
    world: World, control_plane: ControlPlane, everywhere: bool
) -> None:
    others = [control_plane.create_namespace() for _ in range(3)]
    explicit = world.mapping("explicit")
    explicit["spec"]["configRef"]["namespace"] = world.namespace
    world.apply(world.mapping("implicit"), explicit, world.mapping("entra", config="entra"))
    world.apply(*(elsewhere(world, namespace, names_ours=index == 0) for index, namespace in enumerate(others)))
    received: list[str] = []

    class Listing(CountingClient):
        async def _list(self, path: str, query: Any) -> Sequence[Any]:
            found = await super()._list(path, query)
            received.extend(item["metadata"]["name"] for item in found)
            return found

    served = None if everywhere else [world.namespace, *others]
    async with Listing(ClusterLogin(control_plane.kubeconfig), served) as client:  # type: ignore[arg-type]
        found = await client.list_mappings(PLURALS[ROLE_MAPPING], world.okta)
    assert sorted(item["metadata"]["name"] for item in found) == sorted(["explicit", "implicit", f"of-{others[0]}"])
    assert len(received) == 3


async def test_a_rebuild_lists_each_kind_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("okta", "entra", "ping"):
        world.apply(world.secret(name), world.config(name), world.mapping(f"{name}-roles", config=name))
    listed: list[str] = []
    before = world.client._list

    async def counting(path: str, query: Any) -> Sequence[Any]:
        listed.append(path.rpartition("/")[2])
        return await before(path, query)

    monkeypatch.setattr(world.client, "_list", counting)
    tenants = await world.open()
    assert {key.name for key in tenants} == {"okta", "entra", "ping"}
    assert sorted(listed) == ["attributemappings", "provisioningconfigs", "rolemappings"]
    assert all(tenant.rules for tenant in world.stored_config().tenants)


async def test_what_was_just_written_is_not_read_and_decoded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    decoded: list[int | None] = []

    def counting(shard: int | None, config_map: Any, secret: Any) -> StoredShard:
        decoded.append(shard)
        return parse_shard(shard, config_map, secret)

    monkeypatch.setattr(store, "parse_shard", counting)
    for number in range(3):
        world.apply(world.config(displayName=f"Renamed {number}"))
        await world.reconcile()
    assert not decoded
    known = world.store.known(world.shard)
    assert known is not None
    other = ShardStore(world.client, world.names, floor=lambda shard: 0)
    await other.open()
    assert sorted(decoded, key=str) == sorted(SHARDS, key=str)
    read = other.known(world.shard)
    assert read is not None
    assert (read.tenants, read.revision, read.versions, read.token_key) == (
        known.tenants,
        known.revision,
        known.versions,
        known.token_key,
    )


async def test_a_shard_that_another_operator_wrote_is_read_again_and_those_whom_it_concerns_are_looked_at(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    neighbour = ObjectKey(world.namespace, world.neighbour())
    world.apply(world.secret(), world.config(), world.secret(neighbour.name), world.config(neighbour.name))
    await world.reconcile_together(world.okta, neighbour)
    other = ShardStore(world.client, world.names, floor=lambda shard: 0, instance="another")
    await other.open()
    theirs = other.known(world.shard)
    assert theirs is not None
    await other.replace(theirs, {neighbour: None})
    asked: list[ObjectKey] = []
    world.triggers.enqueue = asked.append
    await world.reconcile()
    assert "written by another" in caplog.text
    assert asked == [neighbour]
    await world.reconcile(neighbour)
    assert {tenant.name for tenant in world.stored_config().tenants} == {"okta", neighbour.name}
