"""Fills a database through the server of the working tree, over HTTP, in the course of 400 days."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx

from scim_server.app import Server, ServerSettings
from scim_server.clock import Clock, utc_now
from scim_server.provisioning.policy import Policy
from tests.support.serving import ENTERPRISE, MANAGEMENT_TOKEN, PATCH_OP, Connection, client_of
from tests.support.storages import open_storage
from tests.upgrade.database import Database
from tests.upgrade.tenants import (
    APP,
    ENTRA,
    ERASED,
    GONE,
    LAST_REVISION,
    OKTA,
    PENDING,
    RETURNED,
    TEAM,
    bundle,
)

PUBLIC_URL = "https://scim.acme.example"
ASSERTION = bytes(range(32))
"""Of ENTRA's: used."""


@asynccontextmanager
async def serving(database: Database, revision: int, clock: Clock = utc_now) -> AsyncIterator[Server]:
    """The server, with the roles of all users as the revision says."""
    with NamedTemporaryFile("w") as token_file:
        token_file.write(MANAGEMENT_TOKEN)
        token_file.flush()
        settings = ServerSettings(
            database=database.url,
            port=0,
            management_port=0,
            management_token_file=Path(token_file.name),
            public_url=PUBLIC_URL,
        )
        async with Server(settings, clock=clock) as server:
            await server.intake.offer(bundle(revision), "test")
            assert await server.applier.wait_applied(revision, 30)
            yield server


async def fill(database: Database) -> None:
    """Leaves a database that has seen everything, with pending users of `PENDING`."""
    async with serving(database, 1) as server:
        for connection in (OKTA, ENTRA, PENDING, GONE, ERASED, RETURNED):
            await _first_sync(server, connection)
        await _deactivate(server, OKTA, "ages-ago")
        await _deactivate(server, ENTRA, "ages-ago")
    database.pass_time(timedelta(days=370))
    async with serving(database, 1) as server:
        await _deactivate(server, OKTA, "last-month", "back-again")
        await _deactivate(server, ENTRA, "last-month", "back-again")
        await _rich_data(server)
    database.pass_time(timedelta(days=30) - timedelta(hours=2))
    async with serving(database, 2):
        pass  # three tenants depart, and one of them is erased
    async with serving(database, 3) as server:
        await _deactivate(server, OKTA, "today")
        await _deactivate(server, ENTRA, "today")
        await _changes(server)
        async with client_of(server.url, RETURNED) as client:
            await _create(client, userName="new@acme.example")
    database.pass_time(timedelta(hours=2))
    await _leave_pending(database)


async def _first_sync(server: Server, connection: Connection) -> None:
    async with client_of(server.url, connection) as client:
        ids = {}
        for name in ("ada", "Ålan", "ages-ago", "last-month", "back-again", "today", "deleted", "inactive-at-birth"):
            user = await _create(
                client,
                userName=f"{name}@{connection.key.replace('/', '.')}.example",
                externalId=f"00u-{name}",
                displayName=name.title(),
                name={"givenName": name.title(), "familyName": "of " + connection.key},
                emails=[{"value": f"{name}@mail.example", "type": "work", "primary": True}],
                active=name != "inactive-at-birth",
            )
            ids[name] = user["id"]
        await _create_group(client, "App Admins", [ids["ada"], ids["today"]], externalId="00g-admins")
        await _create_group(client, "Analysts Ω", [ids["ada"], ids["back-again"]], externalId="00g-analysts")
        await _create_group(client, "Everyone", [*ids.values()])
    async with client_of(server.url, connection, "read") as reader:
        assert (await reader.get("/Users?count=0")).status_code == 200


async def _rich_data(server: Server) -> None:
    async with client_of(server.url, OKTA) as client:
        rich = await _create(
            client,
            userName="grace.hopper@acme.example",
            externalId="00u-grace",
            displayName="Großmeisterin Grace 准将 \N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
            name={"givenName": "Grace", "familyName": "Hopper", "formatted": "RDML Grace Brewster Murray Hopper"},
            nickName="Amazing Grace",
            title="Rear Admiral",
            preferredLanguage="en-US",
            timezone="America/New_York",
            emails=[
                {"value": "Grace@Navy.example", "type": "work", "primary": True},
                {"value": "grace@home.example", "type": "home"},
            ],
            phoneNumbers=[{"value": "+1 555 0100", "type": "work"}],
            addresses=[{"type": "work", "locality": "Arlington", "country": "US"}],
            roles=[{"value": "Compiler Writer", "primary": True}, {"value": "STRASSE"}],
            entitlements=[{"value": "uniform"}],
            **{
                ENTERPRISE: {"employeeNumber": "0042", "department": "Compilers", "manager": {"value": "m-1"}},
                APP: {"badge": "aB-7", "level": 7, "hired": "1943-12-02T08:00:00+05:00", "tags": ["cobol", "Navy"]},
            },
        )
        await _create(client, userName="straße@acme.example", roles=[{"value": "strasse"}], displayName="ﬁnch")
        plain = await _create(client, userName="nobody-in-no-group")
        team = await _create_group(client, "Team Compilers", [rich["id"]], **{TEAM: {"budget": 12}})
        await _create_group(client, "Nested outer", [team["id"], plain["id"]])
        middle = await _create_group(client, "Middle", [team["id"]])
        await _create_group(client, "Team Everything", [middle["id"]])


async def _changes(server: Server) -> None:
    """Renames, deletions, a return: what moves versions."""
    for connection in (OKTA, ENTRA, PENDING):
        async with client_of(server.url, connection) as client:
            await _patch(client, await _find(client, "00u-back-again"), ("replace", "active", True))
            deleted = await _find(client, "00u-deleted")
            assert (await client.delete(deleted)).status_code == 204
            ada = await _find(client, "00u-ada")
            await _patch(client, ada, ("replace", "displayName", "Ada, Countess of Lovelace"))
            await _patch(client, ada, ("add", "nickName", "Countess"))
            analysts = await _find(client, "00g-analysts", "Groups")
            await _patch(client, analysts, ("add", "members", [{"value": (await _find(client, "00u-today"))[7:]}]))
            dropped = await _create_group(client, "Dropped", [ada.removeprefix("/Users/")], externalId="00g-dropped")
            assert (await client.delete(f"/Groups/{dropped['id']}")).status_code == 204
    async with client_of(server.url, OKTA) as client:
        renamed = await _create_group(client, "Team to be renamed", [(await _find(client, "00u-ada"))[7:]])
        await _patch(client, f"/Groups/{renamed['id']}", ("replace", "displayName", "No team any more"))


async def _leave_pending(database: Database) -> None:
    """As a server that ends after it has stored new rules, before it has brought them to the users."""
    storage = open_storage(database.url)
    await storage.open()
    (tenant,) = (tenant for tenant in bundle(LAST_REVISION).config.tenants if tenant.key == PENDING.key)
    await storage.write(
        tenant.key,
        lambda writer: writer.put_rules(Policy.of(tenant), LAST_REVISION, tenant.uid),
        exclusive=True,
    )
    assert await storage.pending_tenants() == [tenant.key]
    assert await storage.use_assertion(ENTRA.key, ASSERTION, datetime.now(UTC) + timedelta(days=365))
    await storage.close()


async def _deactivate(server: Server, connection: Connection, *names: str) -> None:
    async with client_of(server.url, connection) as client:
        for name in names:
            await _patch(client, await _find(client, f"00u-{name}"), ("replace", "active", False))


async def _create(client: httpx.AsyncClient, **attributes: object) -> dict[str, Any]:
    answer = await client.post("/Users", json=attributes)
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user


async def _create_group(
    client: httpx.AsyncClient, name: str, members: list[str], **attributes: object
) -> dict[str, Any]:
    body = {"displayName": name, "members": [{"value": member} for member in members], **attributes}
    answer = await client.post("/Groups", json=body)
    assert answer.status_code == 201, answer.text
    group: dict[str, Any] = answer.json()
    return group


async def _patch(client: httpx.AsyncClient, path: str, operation: tuple[str, str, object]) -> None:
    op, attribute, value = operation
    body = {"schemas": [PATCH_OP], "Operations": [{"op": op, "path": attribute, "value": value}]}
    answer = await client.patch(path, json=body)
    assert answer.status_code in (200, 204), answer.text


async def _find(client: httpx.AsyncClient, external_id: str, endpoint: str = "Users") -> str:
    """Its path."""
    found = (await client.get(f"/{endpoint}", params={"filter": f'externalId eq "{external_id}"'})).json()
    assert found["totalResults"] == 1, found
    return f"/{endpoint}/{found['Resources'][0]['id']}"
