"""Extension schemas that a tenant declares: announced, stored, changed and searched like any other."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import ConfigBundle, ExtensionSchema, ServerConfig
from tests.support.serving import Connection, bundle_of, client_of

APP = "urn:acme:scim:schemas:extension:app:2.0:User"
TEAM = "urn:acme:scim:schemas:extension:app:2.0:Group"
SCHEMAS = (
    {
        "mapping": "acme/app",
        "id": APP,
        "attributes": [
            {"name": "orgName", "description": "Organisation"},
            {"name": "badge", "caseExact": True},
            {"name": "level", "type": "integer"},
            {"name": "ratio", "type": "decimal"},
            {"name": "contractor", "type": "boolean"},
            {"name": "hired", "type": "dateTime"},
            {"name": "seen", "type": "dateTime"},
            {"name": "tags", "multiValued": True},
            {
                "name": "desks",
                "type": "complex",
                "multiValued": True,
                "subAttributes": [{"name": "value"}, {"name": "floor", "type": "integer"}],
            },
        ],
    },
    {
        "mapping": "acme/app",
        "id": TEAM,
        "resourceType": "Group",
        "attributes": [{"name": "budget", "type": "integer"}],
    },
)
ADA = {
    "orgName": "Engines",
    "badge": "aB",
    "level": 7,
    "ratio": 0.5,
    "contractor": False,
    "hired": "1843-09-01T00:00:00Z",
    "seen": "2026-11-23T08:00:00.1234567Z",
    "tags": ["a", "B"],
    "desks": [{"value": "x", "floor": 1}, {"value": "y", "floor": 2}],
}


def _extended(bundle: ConfigBundle) -> ConfigBundle:
    schemas = tuple(ExtensionSchema.model_validate(schema) for schema in SCHEMAS)
    tenants = tuple(tenant.model_copy(update={"schemas": schemas}) for tenant in bundle.config.tenants)
    config = ServerConfig(revision=bundle.revision, tenants=tenants)
    return ConfigBundle.decode(ConfigBundle.of(config, bundle.secrets).encode())


@pytest.fixture
async def provider(bare_server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    await bare_server.intake.offer(_extended(bundle_of(connection)), "test")
    async with client_of(bare_server.url, connection) as client:
        yield client


async def _ada(provider: httpx.AsyncClient) -> dict[str, Any]:
    created = await provider.post("/Users", json={"userName": "ada", APP: ADA})
    assert created.status_code == 201, created.text
    user: dict[str, Any] = created.json()
    return user


async def test_it_is_announced(provider: httpx.AsyncClient) -> None:
    schema = (await provider.get(f"/Schemas/{APP}")).json()
    assert schema["name"] == "User"
    assert [attribute["name"] for attribute in schema["attributes"]] == list(ADA)
    assert schema["attributes"][2]["type"] == "integer"
    assert [part["name"] for part in schema["attributes"][-1]["subAttributes"]] == ["value", "floor"]
    user_type = (await provider.get("/ResourceTypes/User")).json()
    assert {"schema": APP, "required": False} in user_type["schemaExtensions"]
    assert (await provider.get("/ResourceTypes/Group")).json()["schemaExtensions"] == [
        {"schema": TEAM, "required": False}
    ]


async def test_it_is_stored_and_shown(provider: httpx.AsyncClient) -> None:
    user = await _ada(provider)
    assert user[APP] == ADA
    assert APP in user["schemas"]
    shown = (await provider.get(f"/Users/{user['id']}", params={"attributes": f"{APP}:level"})).json()
    assert shown[APP] == {"level": 7}


async def test_it_is_patched_and_replaced(provider: httpx.AsyncClient) -> None:
    path = f"/Users/{(await _ada(provider))['id']}"
    operations = [
        {"op": "replace", "path": f"{APP}:level", "value": "8"},
        {"op": "add", "path": f"{APP}:tags", "value": ["c"]},
        {"op": "remove", "path": f'{APP}:desks[value eq "x"]'},
        {"op": "replace", "value": {f"{APP}:orgName": "Analytics", APP.lower(): {"BADGE": "cD"}}},
    ]
    patched = (await provider.patch(path, json={"Operations": operations})).json()
    assert patched[APP] == ADA | {
        "level": 8,
        "tags": ["a", "B", "c"],
        "desks": [{"value": "y", "floor": 2}],
        "orgName": "Analytics",
        "badge": "cD",
    }
    wrong = await provider.patch(path, json={"Operations": [{"op": "add", "path": f"{APP}:level", "value": "high"}]})
    assert (wrong.status_code, wrong.json()["scimType"]) == (400, "invalidValue")
    assert f"{APP}:level" in wrong.json()["detail"]
    replaced = (await provider.put(path, json={"userName": "ada", APP: {"level": 9}})).json()
    assert replaced[APP] == {"level": 9}


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        (f'{APP}:orgName eq "ENGINES"', True),
        ('orgName sw "eng"', True),
        (f'{APP}:badge eq "aB"', True),
        (f'{APP}:badge eq "AB"', False),
        (f"{APP}:level ge 7", True),
        (f"{APP}:level gt 7", False),
        (f"{APP}:ratio lt 0.75", True),
        (f"{APP}:contractor eq false", True),
        (f'{APP}:hired lt "1843-09-01T01:00:00+00:30"', True),
        (f'{APP}:seen eq "2026-11-23T08:00:00.1234567Z"', True),
        (f'{APP}:seen eq "2026-11-23T09:00:00.123456+01:00"', True),
        (f'{APP}:tags eq "b"', True),
        (f'{APP}:desks[value eq "x" and floor eq 2]', False),
        (f'{APP}:desks[value eq "y" and floor eq 2]', True),
        (f'schemas eq "{APP}"', True),
        (f"{APP}:desks.floor pr", True),
    ],
)
async def test_it_is_searched(provider: httpx.AsyncClient, filter_: str, found: bool) -> None:
    await _ada(provider)
    await provider.post("/Users", json={"userName": "bob"})
    listed = (await provider.get("/Users", params={"filter": filter_})).json()
    assert [user["userName"] for user in listed["Resources"]] == (["ada"] if found else []), listed


async def test_it_is_sorted_by(provider: httpx.AsyncClient) -> None:
    for name, level in (("a", 10), ("b", 9), ("c", None)):
        await provider.post("/Users", json={"userName": name, APP: {"level": level}})
    listed = (await provider.get("/Users", params={"sortBy": f"{APP}:level"})).json()
    assert [user["userName"] for user in listed["Resources"]] == ["b", "a", "c"]


async def test_groups_have_theirs(provider: httpx.AsyncClient) -> None:
    created = (await provider.post("/Groups", json={"displayName": "Staff", TEAM: {"budget": 5}})).json()
    assert created[TEAM] == {"budget": 5}
    await provider.patch(
        f"/Groups/{created['id']}", json={"Operations": [{"op": "add", "path": f"{TEAM}:budget", "value": 6}]}
    )
    found = (await provider.get("/Groups", params={"filter": f"{TEAM}:budget eq 6"})).json()
    assert found["totalResults"] == 1
