"""Status, probes and metrics."""

from contextlib import AsyncExitStack

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import ConfigBundle, OnDeletion, Tenant
from tests.scim_server.http.running import connected, refusals
from tests.scim_server.http.test_groups import create_group
from tests.scim_server.http.test_users import create
from tests.support.serving import Connection, bundle_of, client_of


async def test_probes(bare_server: Server, management: httpx.AsyncClient) -> None:
    async with client_of(bare_server.management_url) as kubelet:
        assert (await kubelet.get("/livez")).status_code == 200
        not_ready = await kubelet.get("/readyz")
        assert (not_ready.status_code, not_ready.json()) == (503, {"reason": "no configuration yet"})


async def test_probes_find_a_place_among_connections_that_hang(bare_server: Server) -> None:
    async with AsyncExitStack() as hanging:
        for _ in range(150):
            silent = await hanging.enter_async_context(connected(bare_server, management=True))
            await silent.send("GET /livez HTTP/1.1\r\n")
        async with client_of(bare_server.management_url) as kubelet:
            assert (await kubelet.get("/livez")).status_code == 200
        assert refusals(bare_server, "connections") == 51


async def test_ready_with_a_configuration(server: Server, management: httpx.AsyncClient) -> None:
    assert (await management.get("/readyz")).status_code == 200


async def test_status_counts_users_and_groups(server: Server, management: httpx.AsyncClient) -> None:
    empty = (await management.get("/v1/status")).json()
    assert empty == {
        "revision": 1,
        "floor": 1,
        "appliedRevision": 1,
        "shards": {str(shard): {"revision": 1, "floor": 1, "appliedRevision": 1} for shard in range(16)},
        "source": "test",
        "rejection": None,
        "tenants": {
            "acme/okta": {
                "users": {"active": 0, "blocked": 0, "deactivated": 0},
                "groups": 0,
                "lastSyncTime": None,
                "lastContactTime": None,
                "credentials": {},
                "formerUsers": None,
                "unmatchedGroups": {},
                "holds": [],
                "lastFailure": None,
                "expressionErrors": {},
                "webhooks": [],
                "previews": {},
            }
        },
        "version": empty["version"],
    }


async def test_metrics(server: Server, provider: httpx.AsyncClient, management: httpx.AsyncClient) -> None:
    user = await create(provider, "a@acme.com")
    await create(provider, "b@acme.com", active=False)
    await create_group(provider, "Staff", user["id"])
    await provider.get(f"/Users/{user['id']}")
    await provider.get("/Users", headers={"Authorization": "Bearer wrong"})
    lines = (await management.get("/metrics")).text.splitlines()
    for line in (
        'scim_requests_total{method="GET",route="/Users/{id}",status="200",tenant="acme/okta"} 1.0',
        'scim_requests_total{method="POST",route="/Users",status="201",tenant="acme/okta"} 2.0',
        'scim_requests_total{method="GET",route="unknown",status="401",tenant=""} 1.0',
        'scim_request_duration_seconds_count{method="POST",route="/Groups"} 1.0',
        'scim_authentication_failures_total{reason="unknown_credential"} 1.0',
        'scim_config_revision{shard="0"} 1.0',
        'scim_config_applied_revision{shard="15"} 1.0',
        'scim_users{state="active",tenant="acme/okta"} 1.0',
        'scim_users{state="blocked",tenant="acme/okta"} 1.0',
        'scim_groups{tenant="acme/okta"} 1.0',
    ):
        assert line in lines, line
    assert not [line for line in lines if str(user["id"]) in line or "acme.com" in line]


async def test_unknown_paths_are_json(management: httpx.AsyncClient) -> None:
    answer = await management.get("/nothing")
    assert (answer.status_code, set(answer.json())) == (404, {"reason"})


async def test_metrics_of_the_database(
    server: Server, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await create(provider, "a@acme.com")
    value = server.metrics.registry.get_sample_value
    assert (value("scim_database_wait_seconds_count") or 0) > 0
    limit = value("scim_database_connections_limit")
    opened = sum(value("scim_database_connections", {"state": state}) or 0 for state in ("in_use", "idle"))
    assert limit is not None
    assert 1 <= opened <= limit
    assert value("scim_database_waiting") == 0


async def test_a_tenant_that_is_gone_leaves_no_series(
    server: Server, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await create(provider, "a@acme.com")
    assert 'tenant="acme/okta"' in (await management.get("/metrics")).text
    await server.intake.offer(bundle_of(Connection(key="acme/other"), revision=2), "test")
    assert (await provider.get("/Users")).status_code == 401
    text = (await management.get("/metrics")).text
    assert 'tenant="acme/okta"' not in text
    assert 'scim_groups{tenant="acme/other"} 0.0' in text


@pytest.mark.parametrize("fate", OnDeletion)
async def test_another_config_of_a_deleted_ones_name(
    server: Server,
    provider: httpx.AsyncClient,
    management: httpx.AsyncClient,
    connection: Connection,
    fate: OnDeletion,
) -> None:
    """It finds the users of the deleted one, or none."""
    user = await create(provider, "a@acme.com")
    await create_group(provider, "App Admins", user["id"])
    gone = Tenant(namespace="acme", name="okta", deleted=True, on_deletion=fate)
    empty = bundle_of(revision=2)
    config = empty.config.model_copy(update={"tenants": (gone,)})
    await server.intake.offer(ConfigBundle(config=config, secrets=empty.secrets), "test")
    assert await server.applier.wait_applied(2, 30)
    assert (await provider.get("/Users")).status_code == 401
    assert 'tenant="acme/okta"' not in (await management.get("/metrics")).text

    await server.intake.offer(bundle_of(connection, revision=3), "test")
    assert await server.applier.wait_applied(3, 30)
    status = (await management.get("/v1/status")).json()["tenants"]["acme/okta"]
    if fate is OnDeletion.ERASE:
        assert (await provider.get(f"/Users/{user['id']}")).status_code == 404
        assert (status["users"]["active"], status["formerUsers"]) == (0, None)
        await create(provider, "a@acme.com")
    else:
        assert (await provider.get(f"/Users/{user['id']}")).status_code == 200
        assert (status["users"]["active"], status["formerUsers"]["count"]) == (1, 1)
