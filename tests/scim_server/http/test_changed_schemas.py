"""An attribute whose declaration has changed since values of it were stored."""

from typing import Any

import pytest

from scim_server.app import Server
from scim_server.config import ConfigBundle, ExtensionSchema, ServerConfig
from tests.support.serving import EFFECTIVE, Connection, bundle_of, client_of

APP = "urn:acme:scim:schemas:extension:app:2.0:User"
TEAM = "urn:acme:scim:schemas:extension:app:2.0:Group"
COMPLEX = {"type": "complex", "subAttributes": [{"name": "value"}, {"name": "floor", "type": "integer"}]}
FIRST: dict[str, dict[str, Any]] = {
    "tags": {},
    "desk": {},
    "rooms": {"multiValued": True},
    "offices": {"multiValued": True},
    "level": {},
    "card": COMPLEX,
    "keys": COMPLEX,
    "hired": {},
}
SECOND: dict[str, dict[str, Any]] = {
    "tags": {"multiValued": True},
    "desk": COMPLEX,
    "rooms": {},
    "offices": {},
    "level": {"type": "integer"},
    "card": {},
    "keys": COMPLEX | {"multiValued": True},
    "hired": {"type": "dateTime"},
}
STORED = {
    "tags": "abc",
    "desk": "old",
    "rooms": ["a"],
    "offices": ["a", "b"],
    "level": "12",
    "card": {"value": "q", "floor": 1},
    "keys": {"value": "k", "floor": 2},
    "hired": "2026-11-23",
}
SHOWN = {"tags": ["abc"], "rooms": "a", "keys": [{"value": "k", "floor": 2}]}


def _declaring(connection: Connection, attributes: dict[str, dict[str, Any]], revision: int) -> ConfigBundle:
    declared = [{"name": name, **characteristics} for name, characteristics in attributes.items()]
    schemas = tuple(
        ExtensionSchema.model_validate(
            {"mapping": "acme/app", "id": urn, "resourceType": urn.rpartition(":")[2], "attributes": declared}
        )
        for urn in (APP, TEAM)
    )
    bundle = bundle_of(connection, revision=revision)
    tenants = tuple(tenant.model_copy(update={"schemas": schemas}) for tenant in bundle.config.tenants)
    return ConfigBundle.of(ServerConfig(revision=revision, tenants=tenants), bundle.secrets)


async def _redeclare(server: Server, connection: Connection) -> dict[str, dict[str, Any]]:
    """The user and the group that were created before."""
    await server.intake.offer(_declaring(connection, FIRST, 1), "test")
    assert await server.applier.wait_applied(1, 10)
    async with client_of(server.url, connection) as provider:
        user = await provider.post("/Users", json={"userName": "ada", APP: STORED})
        group = await provider.post("/Groups", json={"displayName": "Staff", TEAM: STORED})
    assert user.json()[APP] == group.json()[TEAM] == STORED
    await server.intake.offer(_declaring(connection, SECOND, 2), "test")
    assert await server.applier.wait_applied(2, 10)
    return {APP: user.json(), TEAM: group.json()}


@pytest.mark.parametrize("urn", [APP, TEAM])
async def test_values_are_shown_as_they_are_declared_now(
    bare_server: Server, connection: Connection, urn: str
) -> None:
    before = (await _redeclare(bare_server, connection))[urn]
    endpoint = f"/{urn.rpartition(':')[2]}s"
    async with client_of(bare_server.url, connection) as provider:
        assert (await provider.get(f"{endpoint}/{before['id']}")).json()[urn] == SHOWN
        assert (await provider.get(endpoint)).json()["Resources"][0][urn] == SHOWN
        repeated = {"op": "add", "path": f"{urn}:tags", "value": ["ABC"]}
        await provider.patch(f"{endpoint}/{before['id']}", json={"Operations": [repeated]})
        after = (await provider.get(f"{endpoint}/{before['id']}")).json()
        assert (after["meta"]["version"], after[urn]) == (before["meta"]["version"], SHOWN)
    async with client_of(bare_server.url, connection, "read") as application:
        shown = await application.get(f"{endpoint}/{before['id']}", params={"attributes": f"{urn}:tags,{EFFECTIVE}"})
        assert shown.json()[urn] == {"tags": ["abc"]}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (("add", "tags", ["new"]), {"tags": ["abc", "new"]}),
        (("remove", "tags", ["abc"]), {"tags": None}),
        (("add", "desk", {"floor": "1"}), {"desk": {"floor": 1}}),
        (("replace", "desk.floor", "1"), {"desk": {"floor": 1}}),
        (("replace", 'desk[value eq "old"].floor', "1"), {"desk": {"value": "old", "floor": 1}}),
        (("remove", "desk.value", None), {}),
        (("replace", "rooms", "z"), {"rooms": "z"}),
        (("replace", "level", 5), {"level": 5}),
        (("add", "card", "s"), {"card": "s"}),
        (("replace", 'keys[value eq "k"].floor', 3), {"keys": [{"value": "k", "floor": 3}]}),
        (("add", "hired", "2026-11-24"), {"hired": "2026-11-24T00:00:00Z"}),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("urn", [APP, TEAM])
async def test_values_are_changed_as_they_are_declared_now(
    bare_server: Server,
    connection: Connection,
    urn: str,
    operation: tuple[str, str, Any],
    expected: dict[str, Any],
) -> None:
    before = (await _redeclare(bare_server, connection))[urn]
    name, path, value = operation
    resource = f"/{urn.rpartition(':')[2]}s/{before['id']}"
    async with client_of(bare_server.url, connection) as provider:
        answer = await provider.patch(
            resource, json={"Operations": [{"op": name, "path": f"{urn}:{path}", "value": value}]}
        )
        assert answer.is_success, answer.text
        after = (await provider.get(resource)).json()
    assert after[urn] == {key: value for key, value in (SHOWN | expected).items() if value is not None}


@pytest.mark.parametrize("sort_by", [*SECOND])
async def test_values_of_another_shape_are_found_by_nothing(
    bare_server: Server, connection: Connection, sort_by: str
) -> None:
    await _redeclare(bare_server, connection)
    async with client_of(bare_server.url, connection) as provider:
        await provider.post("/Users", json={"userName": "bob", APP: {"level": 12, "tags": ["abc"]}})
        for filter_, found in (
            (f'{APP}:tags eq "abc"', ["bob"]),
            (f"{APP}:tags pr", ["bob"]),
            (f'{APP}:desk eq "old"', []),
            (f"{APP}:desk pr", []),
            (f'{APP}:rooms eq "a"', []),
            (f'{APP}:offices co "a"', []),
            (f"{APP}:level eq 12", ["bob"]),
            (f"{APP}:level pr", ["bob"]),
            (f'{APP}:card co "q"', []),
            (f'{APP}:keys[value eq "k"]', []),
            (f'{APP}:hired gt "2020-01-01"', []),
        ):
            listed = (await provider.get("/Users", params={"filter": filter_})).json()
            assert [user["userName"] for user in listed["Resources"]] == found, filter_
        ordered = await provider.get("/Users", params={"sortBy": f"{APP}:{sort_by}"})
        assert ordered.json()["totalResults"] == 2
