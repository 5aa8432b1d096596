"""From the one pair of operators that knew no shards: nobody loses a role or a token, and the old pair stays."""

import base64
from typing import Any

import pytest

from scim_server.config import CONFIG_FILE, SECRETS_FILE, SHARDS, encode_config, encode_secrets
from tests.scim_operator.reconcile.conftest import World

REVISION = 40


@pytest.fixture
async def former(world: World) -> World:
    """Two tenants in one pair, delivered in a revision that is higher than that of any shard; no operator runs."""
    elsewhere = world.stranger()
    world.apply(world.secret(), world.config(), world.mapping(role="viewer"))
    world.apply(world.secret(elsewhere), world.config(elsewhere))
    await world.reconcile_together(world.okta, world.okta._replace(name=elsewhere))
    config = world.stored_config().model_copy(update={"revision": REVISION})
    secrets = world.stored_secrets().model_copy(update={"revision": REVISION})
    managed = ("-l", "app.kubernetes.io/managed-by=scim-operator")
    world.delete("configmaps,secrets", *managed)
    world.apply(
        old("ConfigMap", world, "binaryData", CONFIG_FILE, encode_config(config)),
        old("Secret", world, "data", SECRETS_FILE, encode_secrets(secrets)),
    )
    world.start_operator()
    return world


def old(kind: str, world: World, field: str, file: str, value: bytes) -> dict[str, Any]:
    key = world.names.config_map_key(None) if kind == "ConfigMap" else world.names.secret_key(None)
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"namespace": key.namespace, "name": key.name},
        field: {file: base64.b64encode(value).decode()},
    }


def versions(world: World) -> list[str]:
    """Of the old pair."""
    found = (world.get("configmap", world.names.config_map), world.get("secret", world.names.secret))
    return [each["metadata"]["resourceVersion"] for each in found]


def token_key(world: World) -> str:
    (value,) = world.get("secret", world.names.secret)["data"].values()
    return str(base64.b64decode(value))


async def test_every_tenant_goes_into_its_shard_with_its_token_and_a_higher_revision(former: World) -> None:
    before = versions(former)
    tenants = await former.open()
    assert {key.name for key in tenants} == {"okta", former.stranger()}
    assert {config.revision for config, _ in former.stored().values()} == {REVISION + 1}
    keys = {secrets.token_key for _, secrets in former.stored().values()}
    assert len(keys) == 1
    assert keys.pop() in token_key(former)
    assert former.get("configmap", former.names.index_key.name)["metadata"]["name"]
    await former.reconcile_together(*tenants)
    assert {key.partition("/")[2] for key, as_stored in former.served() if as_stored} == {"okta", former.stranger()}
    assert versions(former) == before


async def test_what_was_delivered_before_is_what_a_typo_keeps(former: World) -> None:
    former.apply(former.mapping(role="vewer"))
    await former.reconcile()
    (okta,) = (tenant for tenant in former.stored_config().tenants if tenant.name == "okta")
    assert [rule.roles for rule in okta.rules] == [("viewer",)]
    assert former.conditions("rolemapping", "roles")["Accepted"] == ("False", "RoleNotFound")


async def test_a_crash_on_the_way_keeps_it_too(former: World) -> None:
    """Some shards are written, the index isn't yet."""

    class Killed(BaseException):
        pass

    written: list[str] = []

    def kill(moment: str, what: str) -> None:
        written.append(what)
        if len(written) > 2 * len(SHARDS):
            raise Killed

    former.apply(former.mapping(role="vewer"))
    former.client.on_write = kill
    with pytest.raises(Killed):
        await former.open()
    former.client.on_write = lambda moment, what: None
    former.start_operator()
    await former.reconcile()
    (okta,) = (tenant for tenant in former.stored_config().tenants if tenant.name == "okta")
    assert [rule.roles for rule in okta.rules] == [("viewer",)]
    assert {secrets.token_key in token_key(former) for _, secrets in former.stored().values()} == {True}
    assert min(config.revision for config, _ in former.stored().values()) > REVISION


async def test_with_an_index_the_old_pair_counts_for_nothing(former: World) -> None:
    await former.open()
    former.delete("configmap", former.names.config_map)
    former.delete("secret", former.names.secret)
    stored = former.stored()
    former.start_operator()
    former.client.applied.clear()
    await former.open()
    assert former.client.applied == []
    assert former.stored() == stored
