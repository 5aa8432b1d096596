"""Roles follow groups, rules and the life of a user, as an application sees them."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import AttributeRule, ConfigBundle, Conformance, ServerConfig
from tests.scim_server.http.test_groups import change, create_group
from tests.scim_server.http.test_users import create
from tests.support.serving import EFFECTIVE, ENTERPRISE, Connection, bundle_of, client_of, effective_of, roles_of


async def configure(server: Server, connection: Connection, revision: int) -> None:
    await server.intake.offer(bundle_of(connection, revision=revision), "test")
    assert await server.applier.wait_applied(revision, 10)


async def test_base_and_fallback_roles_of_a_new_user(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await create(provider, "ada@acme.com")
    effective = await effective_of(application, "ada@acme.com")
    assert effective["state"] == "active"
    assert [(role["value"], role["reasons"]) for role in effective["roles"]] == [
        ("guest", [{"source": "fallback"}]),
        ("viewer", [{"source": "base"}]),
    ]
    assert effective["permissions"] == ["alerts:read"]


async def test_roles_follow_membership_with_reasons(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "ada@acme.com")
    admins = await create_group(provider, "App Admins", user["id"])
    analysts = await create_group(provider, "Number People", externalId="00g-analysts")
    effective = await effective_of(application, "ada@acme.com")
    assert [role["value"] for role in effective["roles"]] == ["admin", "viewer"]
    assert effective["roles"][0]["reasons"] == [{"mapping": "acme/mapping", "rule": "admins", "group": "App Admins"}]
    assert effective["permissions"] == ["alerts:read", "alerts:write", "users:write"]
    since = effective["roles"][0]["since"]
    await change(provider, analysts["id"], {"op": "add", "path": "members", "value": [{"value": user["id"]}]})
    effective = await effective_of(application, "ada@acme.com")
    assert [role["value"] for role in effective["roles"]] == ["admin", "analyst", "viewer"]
    assert effective["roles"][0]["since"] == since
    await change(provider, admins["id"], {"op": "remove", "path": f'members[value eq "{user["id"]}"]'})
    assert await roles_of(application, "ada@acme.com") == ["analyst", "viewer"]
    await provider.delete(f"/Groups/{analysts['id']}")
    assert await roles_of(application, "ada@acme.com") == ["guest", "viewer"]


async def test_a_blocked_user_has_no_roles_and_gets_back_what_the_groups_say_then(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "ada@acme.com")
    group = await create_group(provider, "App Admins", user["id"])
    path = f"/Users/{user['id']}"
    await provider.patch(path, json={"Operations": [{"op": "replace", "value": {"active": False}}]})
    effective = await effective_of(application, "ada@acme.com")
    assert (effective["state"], effective["roles"], effective["permissions"]) == ("blocked", [], [])
    await change(provider, group["id"], {"op": "remove", "path": "members"})
    await provider.patch(path, json={"Operations": [{"op": "replace", "path": "active", "value": "True"}]})
    effective = await effective_of(application, "ada@acme.com")
    assert (effective["state"], [role["value"] for role in effective["roles"]]) == ("active", ["guest", "viewer"])


@pytest.mark.parametrize("connection", [Connection(delay_seconds=0)])
async def test_without_a_delay_an_inactive_user_is_deactivated(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await create(provider, "ada@acme.com", active=False)
    assert (await effective_of(application, "ada@acme.com"))["state"] == "deactivated"
    found = await application.get("/Users", params={"filter": f'{EFFECTIVE}:state eq "deactivated"'})
    assert found.json()["totalResults"] == 1


async def test_members_of_nested_groups_have_the_roles(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "ada@acme.com")
    inner = await create_group(provider, "Inner", user["id"])
    outer = await create_group(provider, "App Admins", inner["id"])
    assert await roles_of(application, "ada@acme.com") == ["admin", "viewer"]
    # A cycle harms nobody.
    await change(provider, inner["id"], {"op": "add", "path": "members", "value": [{"value": outer["id"]}]})
    assert await roles_of(application, "ada@acme.com") == ["admin", "viewer"]
    await change(provider, outer["id"], {"op": "replace", "path": "members", "value": []})
    assert await roles_of(application, "ada@acme.com") == ["guest", "viewer"]


async def test_a_renamed_group_changes_roles(provider: httpx.AsyncClient, application: httpx.AsyncClient) -> None:
    user = await create(provider, "ada@acme.com")
    group = await create_group(provider, "Somebody", user["id"])
    assert await roles_of(application, "ada@acme.com") == ["guest", "viewer"]
    await change(provider, group["id"], {"op": "replace", "value": {"id": group["id"], "displayName": "app admins"}})
    assert await roles_of(application, "ada@acme.com") == ["admin", "viewer"]
    await provider.put(f"/Groups/{group['id']}", json={"displayName": "Nobody"})
    assert await roles_of(application, "ada@acme.com") == ["guest", "viewer"]


async def test_a_group_whose_name_only_looks_like_a_rules_grants_nothing(
    server: Server, connection: Connection, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    rule = ("kitchen", {"display_name": "Kitchen"}, ("admin",))
    await configure(server, replace(connection, rules=[rule]), 2)
    user = await create(provider, "ada@acme.com")
    group = await create_group(provider, "\N{KELVIN SIGN}itchen", user["id"])
    for name, roles in (
        ("kitchen", ["admin", "viewer"]),
        ("\N{KELVIN SIGN}ITCHEN", ["guest", "viewer"]),
        ("KITCHEN", ["admin", "viewer"]),
    ):
        await change(provider, group["id"], {"op": "replace", "path": "displayName", "value": name})
        assert await roles_of(application, "ada@acme.com") == roles


async def test_new_rules_act_on_existing_users_at_once(
    server: Server, connection: Connection, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "ada@acme.com")
    await create_group(provider, "Staff", user["id"])
    rule = ("staff", {"display_name_pattern": "Sta.*"}, ("analyst",))
    await configure(server, replace(connection, rules=[rule]), 2)
    assert await roles_of(application, "ada@acme.com") == ["analyst", "viewer"]
    await configure(server, replace(connection, rules=[], base_roles=["guest"]), 3)
    assert await roles_of(application, "ada@acme.com") == ["guest"]


async def test_effective_roles_can_be_filtered_on(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    ada = await create(provider, "ada@acme.com")
    await create(provider, "bob@acme.com")
    await create_group(provider, "App Admins", ada["id"])
    for text in (f'{EFFECTIVE}:roles.value eq "admin"', f'{EFFECTIVE}:permissions eq "users:write"'):
        for client in (application, provider):
            found = (await client.get("/Users", params={"filter": text})).json()
            assert [user["userName"] for user in found["Resources"]] == ["ada@acme.com"]


ROLES = "urn:ietf:params:scim:schemas:core:2.0:User:roles"
"""What the provider sent, by its full name."""


async def find(client: httpx.AsyncClient, text: str, **parameters: str | int) -> list[str]:
    answer = await client.get("/Users", params={"filter": text, "sortBy": "userName", **parameters})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    names = [user["userName"] for user in found["Resources"]]
    assert found["totalResults"] >= len(names)
    return names


async def fill(provider: httpx.AsyncClient) -> None:
    """Ada is an admin; of Bob the provider says so, which gives nothing."""
    ada = await create(provider, "ada")
    await create(provider, "bob", roles=[{"value": "admin", "type": "x"}])
    await create_group(provider, "App Admins", ada["id"])


@pytest.mark.parametrize("conformance", list(Conformance))
@pytest.mark.parametrize(
    "text", ['roles.value eq "{}"', 'roles eq "{}"', 'roles[value eq "{}"]', 'ROLES.value sw "{}"']
)
async def test_an_applications_filter_by_roles_is_by_the_effective_ones(
    server: Server,
    connection: Connection,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
    text: str,
    conformance: Conformance,
) -> None:
    bundle = bundle_of(connection, revision=2)
    tenants = tuple(each.model_copy(update={"conformance": conformance}) for each in bundle.config.tenants)
    await server.intake.offer(ConfigBundle.of(ServerConfig(revision=2, tenants=tenants), bundle.secrets), "test")
    await fill(provider) if conformance is Conformance.TOLERANT else await fill_strictly(provider)
    assert await find(provider, text.format("admin")) == ["bob"]
    assert await find(application, text.format("admin")) == ["ada"]
    assert await find(application, f"{ROLES} pr") == ["bob"]
    # The same text is another list to another client, whichever asked before.
    for client, expected in ((provider, []), (application, ["ada", "bob"])):
        for _ in range(2):
            assert await find(client, text.format("viewer")) == expected
            answer = await client.get("/Users", params={"filter": text.format("viewer"), "count": 0})
            assert answer.json()["totalResults"] == len(expected)
    found = await application.post("/.search", json={"filter": text.format("admin")})
    assert [user["userName"] for user in found.json()["Resources"]] == ["ada"]


async def fill_strictly(provider: httpx.AsyncClient) -> None:
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"}
    ada = (await provider.post("/Users", json=user)).json()
    roles = [{"value": "admin", "type": "x"}]
    assert (await provider.post("/Users", json=user | {"userName": "bob", "roles": roles})).status_code == 201
    group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "App Admins"}
    made = await provider.post("/Groups", json=group | {"members": [{"value": ada["id"]}]})
    assert made.status_code == 201, made.text


async def test_a_cursor_goes_on_with_the_list_that_it_is_from(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await fill(provider)
    parameters: dict[str, str | int] = {"filter": 'roles.value eq "viewer"', "cursor": "", "count": 1}
    first = (await application.get("/Users", params=parameters)).json()
    assert first["totalResults"] == 2
    parameters["cursor"] = first["nextCursor"]
    second = (await application.get("/Users", params=parameters)).json()
    assert [first["Resources"][0]["userName"], second["Resources"][0]["userName"]] == ["ada", "bob"]
    assert (await provider.get("/Users", params=parameters)).json()["scimType"] == "invalidCursor"


async def test_what_effective_roles_lack_is_refused_and_never_an_empty_list(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await fill(provider)
    for text in ('roles.type eq "x"', 'roles[type eq "x"]', "roles.primary eq true", 'roles.display eq "Admin"'):
        answer = await application.get("/Users", params={"filter": text})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter"), text
        assert "roles" in answer.json()["detail"]
        assert (await provider.get("/Users", params={"filter": text})).status_code == 200
    assert await find(application, f'{ROLES}.type eq "x"') == ["bob"]
    for name in ("roles", "roles.value"):
        answer = await application.get("/Users", params={"sortBy": name})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidPath"), name
        assert f"{EFFECTIVE}:roles" in answer.json()["detail"]


async def test_an_application_that_asks_for_roles_is_shown_both(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await fill(provider)
    for name in ("roles", "Roles.value"):
        bob = (await application.get("/Users", params={"attributes": name, "sortBy": "userName"})).json()
        ada, bob = bob["Resources"]
        assert [role["value"] for role in ada[EFFECTIVE]["roles"]] == ["admin", "viewer"]
        assert [role["value"] for role in bob[EFFECTIVE]["roles"]] == ["guest", "viewer"]
        assert [role["value"] for role in bob["roles"]] == ["admin"]
        assert set(ada[EFFECTIVE]) == {"roles"}
        shown = (await provider.get("/Users", params={"attributes": name})).json()["Resources"]
        assert all(EFFECTIVE not in user for user in shown)


async def test_without_a_catalogue_roles_are_what_the_provider_sent(
    server: Server, connection: Connection, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await create(provider, "bob", roles=[{"value": "admin"}])
    bundle = bundle_of(replace(connection, rules=[], base_roles=[], fallback_roles=[]), revision=2)
    tenants = tuple(each.model_copy(update={"roles": ()}) for each in bundle.config.tenants)
    await server.intake.offer(ConfigBundle.of(ServerConfig(revision=2, tenants=tenants), bundle.secrets), "test")
    assert await find(application, 'roles.value eq "admin"') == ["bob"]


async def test_effective_is_a_short_name_of_the_extension(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await fill(provider)
    for client in (provider, application):
        for name in ("effective", "Effective", EFFECTIVE):
            shown = (await client.get("/Users", params={"attributes": name})).json()["Resources"][0]
            assert set(shown[EFFECTIVE]) == {"state", "roles", "permissions", "profile"}
            assert "userName" not in shown
        for name in ("effective.state", "effective:state"):
            shown = (await client.get("/Users", params={"attributes": name})).json()["Resources"][0]
            assert shown[EFFECTIVE] == {"state": "active"}
        assert await find(client, 'effective:roles.value eq "admin"') == ["ada"]
        assert await find(client, 'effective.state eq "active" and effective:roles eq "guest"') == ["bob"]
    without = (await application.get("/Users", params={"excludedAttributes": "effective"})).json()["Resources"]
    assert all(EFFECTIVE not in user for user in without)
    some = (await application.get("/Users", params={"excludedAttributes": "effective:profile"})).json()["Resources"]
    assert all(set(user[EFFECTIVE]) == {"state", "roles", "permissions"} for user in some)
    # An attribute that no schema has is ignored (RFC 7644 §3.9), and what is always returned is all there is.
    shown = (await application.get("/Users", params={"attributes": "efective"})).json()["Resources"][0]
    assert set(shown) == {"schemas", "id"}


@pytest.mark.parametrize("name", ["state", "effective:state", f"{EFFECTIVE}:state"])
async def test_a_state_that_there_is_not_is_refused(application: httpx.AsyncClient, name: str) -> None:
    for operator in ("eq", "ne"):
        answer = await application.get("/Users", params={"filter": f'{name} {operator} "gone"'})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")
        assert "one of active, blocked, deactivated" in answer.json()["detail"]
    assert (await application.get("/Users", params={"filter": f'{name} eq "blocked"'})).status_code == 200


async def test_a_filter_by_the_profile_is_refused_with_what_can_be_asked(application: httpx.AsyncClient) -> None:
    for text in ('profile.title eq "x"', "effective:profile pr", 'effective:profile[title eq "x"]'):
        answer = await application.get("/Users", params={"filter": text})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")
        for name in ("profile", "state", "roles.value", "roles.since", "permissions"):
            assert name in answer.json()["detail"]


async def test_the_provider_sees_the_extension_on_request_and_can_not_set_it(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "ada@acme.com", **{EFFECTIVE: {"roles": [{"value": "admin"}]}})
    assert EFFECTIVE not in user
    path = f"/Users/{user['id']}"
    asked = (await provider.get(path, params={"attributes": f"{EFFECTIVE}:roles,{EFFECTIVE}:state"})).json()
    assert set(asked[EFFECTIVE]) == {"roles", "state"}
    operation = {"op": "add", "path": f"{EFFECTIVE}:roles", "value": [{"value": "admin"}]}
    await provider.patch(path, json={"Operations": [operation]})
    assert await roles_of(application, "ada@acme.com") == ["guest", "viewer"]
    only = (await application.get(path, params={"attributes": "userName"})).json()
    assert EFFECTIVE not in only
    assert EFFECTIVE not in (await application.get(path, params={"excludedAttributes": EFFECTIVE})).json()


async def test_not_modified_hides_no_change_of_roles(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    user = await create(provider, "ada@acme.com")
    path = f"/Users/{user['id']}"

    async def again(tag: str, status: int) -> httpx.Response:
        answer = await application.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == status
        return answer

    before = (await application.get(path)).headers["etag"]
    await again(before, 304)
    group = await create_group(provider, "App Admins", user["id"])
    promoted = await again(before, 200)
    assert [role["value"] for role in promoted.json()[EFFECTIVE]["roles"]] == ["admin", "viewer"]
    assert promoted.headers["etag"] == promoted.json()["meta"]["version"]
    await again(promoted.headers["etag"], 304)
    await provider.delete(f"/Groups/{group['id']}")
    demoted = await again(promoted.headers["etag"], 200)
    assert [role["value"] for role in demoted.json()[EFFECTIVE]["roles"]] == ["guest", "viewer"]
    await again(demoted.headers["etag"], 304)
    await provider.patch(path, json={"Operations": [{"op": "replace", "path": "active", "value": False}]})
    assert (await again(demoted.headers["etag"], 200)).json()[EFFECTIVE]["roles"] == []


ATTRIBUTES = (
    AttributeRule(mapping="acme/attributes", target="organization", path=f"{ENTERPRISE}:division", default="Acme"),
    AttributeRule(mapping="acme/attributes", target="badge", path='emails[type eq "home"].value', default="none"),
    AttributeRule(mapping="acme/attributes", target="plan", default="free"),
)


@pytest.mark.parametrize("connection", [Connection(attributes=ATTRIBUTES)])
async def test_the_profile_has_standard_and_mapped_attributes(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    await create(
        provider,
        "ada@acme.com",
        name={"givenName": "Ada", "familyName": "Lovelace"},
        emails=[{"value": "h@x.org", "type": "home"}, {"value": "w@x.org", "type": "work"}],
        addresses=[{"locality": "London", "country": "GB", "type": "work"}],
        title="Countess",
        **{ENTERPRISE: {"division": "Engines", "manager": {"value": "m-1"}}},
    )
    await create(provider, "bob@acme.com")
    assert (await effective_of(application, "ada@acme.com"))["profile"] == {
        "userName": "ada@acme.com",
        "givenName": "Ada",
        "familyName": "Lovelace",
        "email": "w@x.org",
        "title": "Countess",
        "division": "Engines",
        "organization": "Engines",
        "manager": "m-1",
        "locality": "London",
        "country": "GB",
        "active": True,
        "badge": "h@x.org",
        "plan": "free",
    }
    assert (await effective_of(application, "bob@acme.com"))["profile"] == {
        "userName": "bob@acme.com",
        "active": True,
        "organization": "Acme",
        "badge": "none",
        "plan": "free",
    }


async def test_a_tenant_that_has_just_arrived_serves_right_roles(bare_server: Server) -> None:
    """Requests may come before the background has applied the rules."""
    connections = [Connection(f"team{index}/okta") for index in range(5)]
    await bare_server.intake.offer(bundle_of(*connections), "test")

    async def first_request(connection: Connection) -> list[str]:
        async with client_of(bare_server.url, connection) as client:
            await create(client, "ada@acme.com")
        async with client_of(bare_server.url, connection, "read") as reader:
            return await roles_of(reader, "ada@acme.com")

    roles = await asyncio.gather(*map(first_request, connections))
    assert roles == [["guest", "viewer"]] * len(connections)
