"""The process dies before or after each of its writes; the next one finds all that it needs in the cluster."""

import pytest

from scim_operator.reconcile.queue import RetryLater
from scim_server.config import token_digest
from tests.scim_operator.reconcile.conftest import World

_WRITES = ("Secret", "ConfigMap", "rolemappings/roles", "provisioningconfigs/okta", "Event")


class Killed(BaseException):
    """Nothing handles it."""


@pytest.mark.parametrize("what", _WRITES)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_at_a_write(world: World, moment: str, what: str) -> None:
    world.apply(world.config(), world.mapping(), world.mapping("deleted"))
    await world.reconcile()
    token_key, revision = world.stored_secrets().token_key, world.stored_config().revision
    world.apply(world.secret(), world.mapping(role="viewer"))
    world.delete("rolemapping", "deleted")

    def kill(now: str, written: str) -> None:
        if (now, written) == (moment, what):
            raise Killed

    world.client.on_write = kill
    with pytest.raises(Killed):
        await world.reconcile()
    world.client.on_write = lambda moment, what: None

    world.start_operator()
    await world.delivery.poll()
    assert world.okta in await world.open()
    try:
        await world.reconcile()
    except RetryLater:  # a write that was under way beside the one of the kill came through meanwhile
        await world.reconcile()

    config, secrets = world.stored_config(), world.stored_secrets()
    assert config.revision == secrets.revision > revision
    (tenant,) = config.tenants
    assert [(rule.mapping, rule.roles) for rule in tenant.rules] == [(f"{world.namespace}/roles", ("viewer",))]
    assert secrets.token_key == token_key
    assert set(secrets.digests.values()) == {token_digest(world.token.encode(), bytes.fromhex(token_key))}
    assert world.served() == [(str(world.okta), True)]
    assert world.conditions("provisioningconfig", "okta")["Ready"] == ("True", "Succeeded")
    assert world.conditions("rolemapping", "roles")["Programmed"] == ("True", "Succeeded")
