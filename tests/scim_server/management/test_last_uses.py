"""When a tenant was contacted last, and when each of its credentials was used last."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from scim_server.app import Server, ServerSettings
from scim_server.config import ConfigBundle, OAuthClient, OnDeletion, Tenant, pair_digest
from tests.support.serving import MANAGEMENT_HEADERS, TOKEN_KEY, Connection, bundle_of, client_of

SECRET = "client-secret-of-twenty-bytes"
NOTHING: dict[str, Any] = {"lastContactTime": None, "credentials": {}}


async def told(server: Server) -> dict[str, Any]:
    async with client_of(server.management_url, headers=MANAGEMENT_HEADERS) as management:
        tenant = (await management.get("/v1/status")).json()["tenants"]["acme/okta"]
    return {name: tenant[name] for name in NOTHING}


def used(contact: dict[str, Any], credential: str) -> datetime:
    return datetime.fromisoformat(contact["credentials"][credential]["lastUsedTime"])


async def test_reads_are_contacts_too(
    server: Server, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    assert (await provider.get("/Users", headers={"Authorization": "Bearer wrong"})).status_code == 401
    assert await told(server) == NOTHING
    before = datetime.now(UTC)

    assert (await provider.get("/ServiceProviderConfig")).status_code == 200
    contact = await told(server)
    assert before <= used(contact, "provision") <= datetime.now(UTC)
    assert set(contact["credentials"]) == {"provision"}
    assert contact["lastContactTime"] == contact["credentials"]["provision"]["lastUsedTime"]

    assert (await application.post("/Users", json={"userName": "a"})).status_code == 403
    again = await told(server)
    assert again["credentials"]["provision"] == contact["credentials"]["provision"]
    assert again["lastContactTime"] == again["credentials"]["read"]["lastUsedTime"]


async def test_a_client_that_gets_a_token_uses_its_credential(server: Server, connection: Connection) -> None:
    bundle = bundle_of(connection, revision=2)
    (tenant,) = bundle.config.tenants
    with_client = tenant.model_copy(update={"oauth_clients": (OAuthClient(name="warehouse", client_id="id"),)})
    digest = pair_digest(b"id", SECRET.encode(), TOKEN_KEY)
    digests = {**bundle.secrets.digests, tenant.credential_key("warehouse"): digest}
    changed = ConfigBundle(
        config=bundle.config.model_copy(update={"tenants": (with_client,)}),
        secrets=bundle.secrets.model_copy(update={"digests": digests}),
    )
    await server.intake.offer(changed, "test")
    form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": SECRET}
    async with client_of(server.url) as warehouse:
        assert (await warehouse.post("/acme/okta/oauth/token", data=form)).status_code == 200
    assert set((await told(server))["credentials"]) == {"warehouse"}


async def test_it_outlives_the_server_and_other_replicas_tell_it(
    server: Server,
    provider: httpx.AsyncClient,
    connection: Connection,
    database_url: str,
    management_token_file: Path,
) -> None:
    await provider.get("/Users")
    contact = await told(server)
    await server.stop()
    settings = ServerSettings(
        database=database_url, port=0, management_port=0, management_token_file=management_token_file
    )
    async with Server(settings) as other:
        await other.intake.offer(bundle_of(connection), "test")
        assert await told(other) == contact


async def test_a_credential_that_is_removed_was_a_contact_all_the_same(
    server: Server, provider: httpx.AsyncClient, connection: Connection
) -> None:
    await provider.get("/Users")
    contact = await told(server)
    bundle = bundle_of(connection, revision=2)
    (tenant,) = bundle.config.tenants
    less = tenant.model_copy(update={"credentials": tenant.credentials[1:]})
    config = bundle.config.model_copy(update={"tenants": (less,)})
    await server.intake.offer(ConfigBundle(config=config, secrets=bundle.secrets), "test")
    assert await told(server) == {"lastContactTime": contact["lastContactTime"], "credentials": {}}


async def test_nothing_is_left_of_it_after_an_erasure(
    server: Server, provider: httpx.AsyncClient, connection: Connection
) -> None:
    await provider.get("/Users")
    gone = Tenant(namespace="acme", name="okta", deleted=True, on_deletion=OnDeletion.ERASE)
    empty = bundle_of(revision=2)
    config = empty.config.model_copy(update={"tenants": (gone,)})
    await server.intake.offer(ConfigBundle(config=config, secrets=empty.secrets), "test")
    assert await server.applier.wait_applied(2, 30)
    await server.intake.offer(bundle_of(connection, revision=3), "test")
    assert await server.applier.wait_applied(3, 30)
    assert await told(server) == NOTHING
