"""Previews of mappings in mode Preview, for the status."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from scim_server.app import Server
from scim_server.background.previews import MappingPreviews
from tests.scim_server.http.test_groups import change, create_group
from tests.scim_server.http.test_users import create
from tests.scim_server.management.test_explanations import rule, with_rules
from tests.support.serving import Connection, effective_of, roles_of
from tests.support.storages import SetClock
from tests.support.until import until


async def shown(management: httpx.AsyncClient) -> dict[str, Any]:
    previews: dict[str, Any] = (await management.get("/v1/status")).json()["tenants"]["acme/okta"]["previews"]
    return previews


async def test_the_status_says_who_would_gain_and_lose_what(
    server: Server,
    connection: Connection,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
    management: httpx.AsyncClient,
) -> None:
    """provisioning.md, "mode: Enforce | Preview": by name (bounded) and by count, as soon as rules change."""
    ada = await create(provider, "ada@acme.com")
    grace = await create(provider, "grace@acme.com", title="Boss")
    staff = await create_group(provider, "Staff", ada["id"], grace["id"])
    admins = await create_group(provider, "App Admins", grace["id"])
    before = await effective_of(application, "ada@acme.com")
    tried = with_rules(
        connection,
        rule("staff", "analyst", "Staff", preview=True),
        rule("bosses", "admin", when='user.title == "Boss"', preview=True),
    )
    await server.intake.offer(tried, "test")
    await until(lambda: "acme/more" in server.previews.of("acme/okta"))
    expected = {
        "usersGaining": 2,
        "usersLosing": 1,
        "gains": {"analyst": {"count": 2, "examples": ["ada@acme.com", "grace@acme.com"]}},
        "losses": {"guest": {"count": 1, "examples": ["ada@acme.com"]}},
    }
    assert await shown(management) == {"acme/more": expected}
    assert await effective_of(application, "ada@acme.com") == before
    assert await roles_of(application, "grace@acme.com") == ["admin", "viewer"]

    # From then on once a minute at most, where something has changed.
    clock = SetClock(datetime.now(UTC))
    previews = MappingPreviews(server.storage, server.holder, clock)
    assert await previews.do() == clock.now + timedelta(minutes=1)
    first = previews.of("acme/okta")["acme/more"]
    clock.now += timedelta(seconds=61)
    await previews.do()
    assert previews.of("acme/okta")["acme/more"] is first
    await change(provider, admins["id"], {"op": "remove", "path": "members"})
    await change(provider, staff["id"], {"op": "remove", "path": f'members[value eq "{ada["id"]}"]'})
    clock.now += timedelta(seconds=59)
    await previews.do()
    assert previews.of("acme/okta")["acme/more"] is first
    clock.now += timedelta(seconds=2)
    await previews.do()
    second = previews.of("acme/okta")["acme/more"]
    assert {role: one.examples for role, one in second.gains.items()} == {
        "admin": ("grace@acme.com",),
        "analyst": ("grace@acme.com",),
    }

    # A mapping that leaves the mode leaves the status.
    await server.intake.offer(with_rules(connection, revision=3), "test")
    await until(lambda: not server.previews.of("acme/okta"))
    await previews.do()
    assert not previews.of("acme/okta")
