"""What a reconcile lists and decodes: neither more with more tenants of the same name, nor twice what is known."""

from collections.abc import Sequence
from typing import Any

import pytest

from scim_operator.api import PLURALS, ROLE_MAPPING, ObjectKey
from scim_operator.cluster.connection import ClusterLogin
from scim_operator.reconcile import apply
from scim_operator.reconcile.apply import DocumentStore
from scim_operator.reconcile.document import StoredDocument, read_document
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
    _, tenants = await world.store.open()
    assert {key.name for key in tenants} == {"okta", "entra", "ping"}
    assert sorted(listed) == ["attributemappings", "provisioningconfigs", "rolemappings"]
    assert all(tenant.rules for tenant in world.stored_config().tenants)


async def test_what_was_just_written_is_not_read_and_decoded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    decoded: list[None] = []

    def counting(config_map: Any, secret: Any) -> StoredDocument:
        decoded.append(None)
        return read_document(config_map, secret)

    monkeypatch.setattr(apply, "read_document", counting)
    for number in range(3):
        world.apply(world.config(displayName=f"Renamed {number}"))
        await world.reconcile()
    assert not decoded
    assert world.store._known is not None
    known = world.store._known
    other = DocumentStore(world.client, world.names, floor=lambda: 0)
    await other.open()
    assert len(decoded) == 1
    assert other._known is not None
    assert (other._known.tenants, other._known.revision, other._known.versions, other._known.token_key) == (
        known.tenants,
        known.revision,
        known.versions,
        known.token_key,
    )


async def test_a_document_that_somebody_else_changed_is_healed_and_says_who_is_concerned(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.apply(world.secret(), world.config(), world.secret("entra"), world.config("entra"))
    entra = ObjectKey(world.namespace, "entra")
    await world.reconcile()
    await world.reconcile(entra)

    async def check() -> Any:
        key = world.names.config_map_key
        return await world.store.check("ConfigMap", await world.client.get_version("ConfigMap", key))

    assert await check() is None
    before = world.stored_config()
    world.delete("configmap", world.names.config_map)
    bundle, keys = await check()
    assert keys == set()
    assert world.stored_config().tenants == before.tenants
    assert bundle.revision == world.stored_config().revision > before.revision

    other = DocumentStore(world.client, world.names, floor=lambda: 0, instance="another")
    raised = await other.raise_revision(above=bundle.revision)
    caplog.clear()
    bundle, keys = await check()
    assert (bundle.revision, keys) == (raised.revision, set())
    assert "written by another" in caplog.text
    assert await check() is None
