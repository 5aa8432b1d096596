"""A shard is full: what was removed goes, what is new waits, and nobody else is concerned."""

import base64
import json
import random
import string
from typing import Any

import pytest

from scim_operator.api import ObjectKey
from scim_operator.reconcile import fit
from scim_server.config import Tenant, config_file, secrets_file, token_digest
from tests.scim_operator.reconcile.conftest import Object, World

SHORT = ("False", "ShardFull")
DONE = ("True", "Succeeded")


@pytest.fixture
async def full(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two tenants of one shard with a mapping each, and no space for more than what is stored."""
    world.apply(world.secret(), world.config(), world.mapping(), world.mapping("others", role="viewer"))
    name = world.neighbour()
    world.apply(world.secret(name), world.config(name), world.mapping("next-roles", config=name))
    await world.reconcile()
    await world.reconcile(neighbour(world))
    fill(world, monkeypatch)
    return world


def fill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    config_map, secret = world.get("configmap", world.config_map), world.get("secret", world.secret_name)
    stored = (config_map["binaryData"][config_file(world.shard)], secret["data"][secrets_file(world.shard)])
    few = 8  # another revision can compress to a few bytes more
    monkeypatch.setattr(fit, "LARGEST_OBJECT", max(len(base64.b64decode(value)) for value in stored) + few)


def neighbour(world: World) -> ObjectKey:
    return ObjectKey(world.namespace, world.neighbour())


def large(world: World, name: str, role: str = "admin") -> Object:
    """A mapping that needs more bytes than the removal of a small one sets free."""
    made = world.mapping(name, role)
    made["spec"]["rules"][0]["groups"] = [{"displayName": random_text(200, 1)}]
    return made


def tenant(world: World, name: str = "okta") -> Tenant:
    (found,) = (each for each in world.stored_config().tenants if each.name == name)
    return found


def mappings_of(found: Tenant) -> set[str]:
    return {rule.mapping.partition("/")[2] for rule in found.rules}


async def test_a_new_mapping_waits_and_only_it_says_so(full: World) -> None:
    before = full.stored_config()
    full.apply(large(full, "new"))
    await full.reconcile()
    assert full.stored_config() == before
    assert full.conditions("rolemapping", "new") == {
        "Accepted": ("True", "Accepted"),
        "Programmed": SHORT,
        "Ready": SHORT,
        "Stalled": ("False", "NotStalled"),
    }
    assert full.conditions("rolemapping", "roles")["Programmed"] == DONE
    conditions = full.conditions("provisioningconfig", "okta")
    assert (conditions["Programmed"], conditions["Ready"]) == (SHORT, SHORT)
    assert conditions["Reconciling"] == ("False", "Succeeded")
    status = full.get("provisioningconfig", "okta")["status"]
    assert status["mappings"] == 2
    messages = [
        full.message("provisioningconfig", "okta", "Programmed"),
        full.message("rolemapping", "new", "Programmed"),
    ]
    assert all("the shard" in message and "is full" in message for message in messages)
    assert not any(character.isdigit() for message in messages for character in message)
    full.client.statuses.clear()
    await full.reconcile()
    assert full.client.statuses == []


async def test_what_is_removed_goes_though_something_else_does_not_fit(full: World) -> None:
    full.apply(large(full, "new"))
    full.delete("rolemapping", "roles")
    full.token = "another-token-of-thirty-two-bytes"
    full.apply(
        full.secret(), full.config(roles=[{"name": "admin"}, {"name": "viewer"}, {"name": random_text(120, 2)}])
    )
    await full.reconcile()
    assert mappings_of(tenant(full)) == {"others"}
    assert [role.name for role in tenant(full).roles] == ["admin", "viewer"]
    secrets = full.stored_secrets()
    digest = token_digest(full.token.encode(), bytes.fromhex(secrets.token_key))
    assert secrets.digests[tenant(full).credential_key("one")] == digest
    assert all(as_stored for _, as_stored in full.served())
    assert full.conditions("rolemapping", "new")["Programmed"] == SHORT
    assert full.conditions("rolemapping", "others")["Programmed"] == DONE
    assert mappings_of(tenant(full, full.neighbour())) == {"next-roles"}


async def test_a_role_that_a_rule_no_longer_gives_goes_though_its_new_one_does_not_fit(full: World) -> None:
    full.apply(large(full, "roles", role="viewer"))
    await full.reconcile()
    assert mappings_of(tenant(full)) == {"others"}
    assert full.conditions("rolemapping", "roles")["Programmed"] == SHORT


async def test_a_removed_credential_goes_and_a_new_one_is_not_said_to_work(full: World) -> None:
    new = {"name": "a-second-one-with-a-longer-name", "secretRef": {"name": "okta-token"}}
    full.apply(full.config(authentication={"bearerTokens": [new]}))
    await full.reconcile()
    assert tenant(full).credentials == ()
    assert full.stored_secrets().digests.keys() == {tenant(full, full.neighbour()).credential_key("one")}
    assert full.get("provisioningconfig", "okta")["status"]["credentials"] == []
    full.client.statuses.clear()
    await full.reconcile()
    assert full.client.statuses == []


async def test_a_rotated_token_needs_no_space(full: World) -> None:
    full.token = "another-token-of-thirty-two-bytes"
    full.apply(full.secret())
    await full.reconcile()
    secrets = full.stored_secrets()
    digest = token_digest(full.token.encode(), bytes.fromhex(secrets.token_key))
    assert secrets.digests[tenant(full).credential_key("one")] == digest
    assert full.conditions("provisioningconfig", "okta")["Ready"] == DONE


async def test_a_new_tenant_waits_until_another_one_of_its_shard_leaves(full: World) -> None:
    late = ObjectKey(full.namespace, full.neighbour(1))
    full.apply(full.secret(late.name), full.config(late.name))
    await full.reconcile(late)
    assert {each.name for each in full.stored_config().tenants} == {full.neighbour(), "okta"}
    assert full.conditions("provisioningconfig", late.name)["Programmed"] == SHORT
    asked: list[ObjectKey] = []
    full.triggers.enqueue = asked.append
    full.delete("provisioningconfig", full.neighbour())
    await full.reconcile(neighbour(full))
    assert [each.name for each in full.stored_config().tenants if not each.deleted] == ["okta"]
    assert asked == [late]


async def test_a_full_shard_concerns_no_other(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "KEPT_FOR_REMOVALS", 0)  # the other shard, of one tenant, has space then
    elsewhere = ObjectKey(full.namespace, full.stranger())
    full.apply(large(full, "new"), full.secret(elsewhere.name), full.config(elsewhere.name))
    await full.reconcile_together(full.okta, elsewhere)
    assert full.conditions("provisioningconfig", "okta")["Programmed"] == SHORT
    assert full.conditions("provisioningconfig", elsewhere.name)["Ready"] == DONE


@pytest.mark.parametrize("damage", ["config map", "both"])
async def test_a_lost_shard_is_made_again_with_as_much_as_fits(
    full: World, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """The oldest tenants first: what is younger waits, and nothing keeps the others from being served."""
    roles = [{"name": random_text(100, seed)} for seed in range(250)]
    young = full.neighbour(1)
    full.apply(full.secret(young), full.config(young, roles=roles))
    full.delete("configmap", full.config_map)
    if damage == "both":
        full.delete("secret", full.secret_name)
    monkeypatch.setattr(fit, "LARGEST_OBJECT", fit.LARGEST_OBJECT + fit.KEPT_FOR_REMOVALS)
    full.start_operator()
    await full.delivery.poll()
    await full.open()
    assert {each.name for each in full.stored_config().tenants} == {full.neighbour(), "okta"}
    await full.reconcile()
    assert full.conditions("provisioningconfig", "okta")["Ready"] == DONE
    await full.reconcile(ObjectKey(full.namespace, young))
    assert full.conditions("provisioningconfig", young)["Programmed"] == SHORT


async def test_half_a_shard_is_completed_with_what_was_delivered_less_what_was_removed(full: World) -> None:
    full.apply(large(full, "new"))
    full.delete("rolemapping", "roles")
    secret, file = full.get("secret", full.secret_name), secrets_file(full.shard)
    secrets = json.loads(base64.b64decode(secret["data"][file]))
    secrets["revision"] += 1
    patch = {"data": {file: base64.b64encode(json.dumps(secrets).encode()).decode()}}
    full.patch("secret", full.secret_name, patch)
    full.start_operator()
    await full.open()
    assert mappings_of(tenant(full)) == {"others"}
    assert mappings_of(tenant(full, full.neighbour())) == {"next-roles"}


def random_text(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=length))


def large_mapping(world: World, name: str, rules: int, seed: int) -> Object:
    """About 24 KB of the compressed shard for each rule."""
    made: dict[str, Any] = world.mapping(name)
    made["spec"]["rules"] = []
    for number in range(rules):
        seeds = range((seed * 100 + number) * 128, (seed * 100 + number + 1) * 128)
        groups = [{"displayName": random_text(255, each)} for each in seeds]
        made["spec"]["rules"].append({"name": f"rule-{number}", "groups": groups, "roles": ["admin"]})
    return made


async def test_the_limit_is_the_api_servers(world: World) -> None:
    """With real sizes: nearly a mebibyte is stored, and a removal acts though more than that is asked for."""
    world.apply(world.secret(), world.config())
    for seed, name in enumerate(("first", "second", "third", "fourth")):
        create(world, large_mapping(world, name, 10, seed))
    await world.reconcile()
    assert world.conditions("provisioningconfig", "okta")["Ready"] == DONE
    stored = world.get("configmap", world.config_map)["binaryData"][config_file(world.shard)]
    assert len(base64.b64decode(stored)) > 0.9 * fit.LARGEST_OBJECT
    create(world, large_mapping(world, "huge", 20, 9))
    world.delete("rolemapping", "first")
    await world.reconcile()
    assert mappings_of(tenant(world)) == {"second", "third", "fourth"}
    assert world.conditions("rolemapping", "huge")["Programmed"] == SHORT
    assert world.stub.holder.current is not None
    assert mappings_of(world.stub.holder.current.config.tenants[0]) == {"second", "third", "fourth"}
    world.delete("rolemapping", "second", "third")
    await world.reconcile()
    assert mappings_of(tenant(world)) == {"fourth", "huge"}
    assert world.conditions("rolemapping", "huge")["Programmed"] == DONE


def create(world: World, item: Object) -> None:
    """`kubectl apply` would put the object into an annotation, which is too small for these."""
    world.cluster.kubectl("create", "-f", "-", stdin=json.dumps(item))
