"""Groups that rules name and no provider has sent."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from scim_server.app import Server
from scim_server.config import GroupSelector, RoleRule
from scim_server.directory.unmatched_groups import UnmatchedGroups, UnmatchedGroupsReader
from tests.scim_server.http.test_groups import create_group
from tests.support.serving import Connection, bundle_of


def rule(name: str, *selectors: GroupSelector, mapping: str = "acme/roles") -> RoleRule:
    return RoleRule(mapping=mapping, rule=name, groups=selectors, roles=("admin",))


def named(name: str) -> GroupSelector:
    return GroupSelector(display_name=name)


async def offer(server: Server, connection: Connection, *rules: RoleRule) -> None:
    assert server.holder.current is not None
    revision = server.holder.revision + 1
    bundle = bundle_of(connection, revision=revision)
    (tenant,) = bundle.config.tenants
    changed = tenant.model_copy(update={"rules": rules})
    config = bundle.config.model_copy(update={"tenants": (changed,)})
    await server.intake.offer(bundle.model_copy(update={"config": config}), "test")
    assert await server.applier.wait_applied(revision, 30)


async def unmatched(management: httpx.AsyncClient) -> Any:
    return (await management.get("/v1/status")).json()["tenants"]["acme/okta"]["unmatchedGroups"]


async def test_selectors_that_match_no_group_are_told_once_there_are_groups(
    server: Server, connection: Connection, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    rules = (
        rule("developers", named("ENGINEERING"), named("Enginering")),
        rule("by id", GroupSelector(external_id="known"), GroupSelector(external_id="Known")),
        rule("on-call", GroupSelector(display_name_pattern="On-call .+"), GroupSelector(display_name_pattern="on.*")),
        rule("all is well", named("Engineering"), mapping="acme/others"),
    )
    await offer(server, connection, *rules)
    assert await unmatched(management) == {}

    await create_group(provider, "Engineering")
    await create_group(provider, "On-call Europe", externalId="known")
    await offer(server, connection, *rules, rule("new", named("Sales"), mapping="acme/others"))

    assert await unmatched(management) == {
        "acme/roles": {
            "count": 3,
            "groups": [
                {"rule": "developers", "displayName": "Enginering"},
                {"rule": "by id", "externalId": "Known"},
                {"rule": "on-call", "displayNamePattern": "on.*"},
            ],
        },
        "acme/others": {"count": 1, "groups": [{"rule": "new", "displayName": "Sales"}]},
    }


async def test_many_are_counted_and_few_are_told(
    server: Server, connection: Connection, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await create_group(provider, "Team 7")
    await offer(server, connection, rule("teams", *(named(f"Team {number}") for number in range(450))))

    found = (await unmatched(management))["acme/roles"]
    assert found["count"] == 449
    assert [group["displayName"] for group in found["groups"]] == [
        f"Team {number}" for number in (*range(7), *range(8, 21))
    ]


async def test_a_tenant_is_searched_again_when_its_groups_may_have_changed(
    server: Server, connection: Connection, provider: httpx.AsyncClient
) -> None:
    passed = timedelta()
    reader = UnmatchedGroupsReader(server.storage, lambda: datetime.now(UTC) + passed)
    group = await create_group(provider, "Engineering")
    await create_group(provider, "Sales")
    await offer(server, connection, rule("developers", named("Enginering")))
    assert server.holder.current is not None
    (tenant,) = server.holder.current.config.tenants

    async def answer() -> Mapping[str, UnmatchedGroups]:
        counts = await server.storage.read(tenant.key, lambda reader: reader.counts())
        return await reader.of(tenant, counts)

    first = await answer()
    assert await answer() is first
    passed = timedelta(minutes=2)
    assert await answer() is not first  # a change that began before may have been committed since
    passed = timedelta(minutes=10)
    second = await answer()
    passed = timedelta(minutes=20)
    assert await answer() is second
    await provider.delete(f"/Groups/{group['id']}")
    third = await answer()
    assert third is not second
    assert await reader.read(tenant) == first == second == third
