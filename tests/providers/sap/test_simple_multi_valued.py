"""SAP, ConnId and Entra ID with an extension that has a list of strings."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import ConfigBundle, Conformance, ExtensionSchema, ServerConfig
from tests.support.serving import PATCH_OP, Connection, bundle_of, client_of

APP = "urn:acme:scim:schemas:extension:app:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
DECLARED = ExtensionSchema.model_validate(
    {
        "mapping": "acme/app",
        "id": APP,
        "attributes": [
            {"name": "devices", "multiValued": True},
            {"name": "floors", "type": "integer", "multiValued": True},
            {"name": "badge"},
        ],
    }
)


async def offer(server: Server, connection: Connection, conformance: Conformance) -> None:
    bundle = bundle_of(connection)
    (tenant,) = bundle.config.tenants
    tenant = tenant.model_copy(update={"schemas": (DECLARED,), "conformance": conformance})
    config = ServerConfig(revision=bundle.revision, tenants=(tenant,))
    await server.intake.offer(ConfigBundle.of(config, bundle.secrets), "test")


@pytest.fixture
async def provider(bare_server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    await offer(bare_server, connection, Conformance.TOLERANT)
    async with client_of(bare_server.url, connection) as client:
        yield client


@pytest.fixture
async def strict(bare_server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    await offer(bare_server, connection, Conformance.STRICT)
    async with client_of(bare_server.url, connection) as client:
        yield client


async def created(client: httpx.AsyncClient, devices: Any = ("D1", "D2"), name: str = "ada") -> str:
    body = {"schemas": [USER, APP], "userName": name, APP: {"devices": list(devices), "floors": [1, 7]}}
    answer = await client.post("/Users", json=body)
    assert answer.status_code == 201, answer.text
    user_id: str = answer.json()["id"]
    return user_id


async def patched(client: httpx.AsyncClient, user_id: str, *operations: dict[str, Any]) -> httpx.Response:
    body = {"schemas": [PATCH_OP], "Operations": operations}
    return await client.patch(f"/Users/{user_id}", json=body)


@pytest.mark.parametrize(
    ("operation", "devices"),
    [
        ({"op": "remove", "path": f'{APP}:devices[value eq "D2"]'}, ["D1"]),
        ({"op": "remove", "path": f'{APP}.devices[value eq "d2"]'}, ["D1"]),
        ({"op": "remove", "path": f'{APP}:devices[value eq "D1" or value eq "D2"]'}, None),
        ({"op": "remove", "path": f'{APP}:devices[value eq "D3"]'}, ["D1", "D2"]),
        ({"op": "remove", "path": f'{APP}:devices[not (value eq "D1")].value'}, ["D1"]),
        ({"op": "replace", "path": f'{APP}:devices[value eq "D2"]', "value": "D3"}, ["D1", "D3"]),
        ({"op": "replace", "path": f'{APP}:devices[value eq "D2"].value', "value": {"value": "D3"}}, ["D1", "D3"]),
        ({"op": "replace", "path": f'{APP}:devices[value sw "D"]', "value": "D3"}, ["D3"]),
        ({"op": "add", "path": f'{APP}:devices[value eq "D9"]', "value": ["D9"]}, ["D1", "D2", "D9"]),
        ({"op": "remove", "path": f"{APP}:devices", "value": [{"value": "D2"}]}, ["D1"]),
        ({"op": "Add", "path": f"{APP}:devices", "value": [{"value": "D3"}]}, ["D1", "D2", "D3"]),
        ({"op": "Add", "path": f"{APP}:devices", "value": {"$ref": None, "value": "D3"}}, ["D1", "D2", "D3"]),
        ({"op": "replace", "path": f"{APP}:devices.value", "value": ["D3"]}, ["D3"]),
        ({"op": "replace", "path": f"{APP}:devices", "value": '["D3", "D4"]'}, ["D3", "D4"]),
        ({"op": "replace", "path": f"{APP}:devices", "value": [{"value": None}]}, None),
    ],
)
async def test_a_change(provider: httpx.AsyncClient, operation: dict[str, Any], devices: list[str] | None) -> None:
    answer = await patched(provider, await created(provider), operation)
    assert answer.status_code == 200, answer.text
    assert answer.json()[APP].get("devices") == devices


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        (f'{APP}:devices[value eq "D3"]', "D4", "noTarget"),
        (f'{APP}:devices[type eq "D3"]', "D4", "invalidFilter"),
        (f'{APP}:badge[value eq "D3"]', "D4", "invalidFilter"),
        (f"{APP}:devices", {"other": "D4"}, "invalidValue"),
        (f"{APP}:devices", {"value": {"value": "D4"}}, "invalidValue"),
        (f"{APP}:devices", {"value": "D4", "other": "x"}, "invalidValue"),
    ],
)
async def test_what_is_refused(provider: httpx.AsyncClient, path: str, value: Any, kind: str) -> None:
    answer = await patched(provider, await created(provider), {"op": "replace", "path": path, "value": value})
    assert (answer.status_code, answer.json()["scimType"]) == (400, kind)


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        (f'{APP}:devices[value eq "D2"]', ["ada"]),
        (f'{APP}.devices[value eq "d3"]', ["bob"]),
        (f'{APP}:devices.value eq "D3"', ["bob"]),
        (f'{APP}:devices[value sw "D" and value ew "1"]', ["ada", "bob"]),
        (f'{APP}:devices[value sw "D1" and value ew "3"]', []),
        (f"{APP}:devices[value pr]", ["ada", "bob"]),
        (f'not ({APP}:devices[value eq "D2"])', ["bob"]),
        (f"{APP}:floors[value gt 6 and value lt 8]", ["ada", "bob"]),
        (f"{APP}:floors[value gt 1 and value lt 7]", []),
        (f'schemas[value eq "{APP}"]', ["ada", "bob"]),
        (f'schemas[value eq "{USER}" and value ew "User"]', ["ada", "bob"]),
        ('schemas[value eq "urn:other"]', []),
    ],
)
async def test_a_filter(provider: httpx.AsyncClient, filter_: str, names: list[str]) -> None:
    await created(provider)
    await created(provider, ["D1", "D3"], "bob")
    answer = await provider.get("/Users", params={"filter": filter_})
    assert answer.status_code == 200, answer.text
    assert [user["userName"] for user in answer.json()["Resources"]] == names


async def test_simple_values_in_objects_beside_others(provider: httpx.AsyncClient) -> None:
    """The user must not stay active because of another attribute's form."""
    body = {
        "userName": {"value": "ada"},
        "title": [{"value": "Countess", "display": "Countess"}],
        "active": {"value": "True"},
        "name": {"familyName": {"value": "Lovelace"}},
        APP: {"devices": [{"value": "D1"}, "D2"], "badge": {"$ref": "x", "value": 7}, "floors": {"value": "3"}},
    }
    answer = await provider.post("/Users", json=body)
    assert answer.status_code == 201, answer.text
    user = answer.json()
    assert (user["userName"], user["title"], user["active"]) == ("ada", "Countess", True)
    assert user["name"] == {"familyName": "Lovelace"}
    assert user[APP] == {"devices": ["D1", "D2"], "badge": "7", "floors": [3]}
    operations = (
        {"op": "Add", "path": f"{APP}:devices", "value": [{"value": "1"}]},
        {"op": "Replace", "path": "active", "value": "False"},
    )
    after = (await patched(provider, user["id"], *operations)).json()
    assert (after["active"], after[APP]["devices"]) == (False, ["D1", "D2", "1"])
    for value, active in (([{"$ref": None, "value": "True"}], True), ({"value": 0}, False), ("1", True)):
        after = (await patched(provider, user["id"], {"op": "Replace", "path": "active", "value": value})).json()
        assert after["active"] is active


@pytest.mark.parametrize("value", ["", "yes", 2, -1, 0.5, "on", {}, {"value": "yes"}])
async def test_what_is_no_boolean(provider: httpx.AsyncClient, value: Any) -> None:
    user_id = await created(provider)
    for answer in (
        await provider.put(f"/Users/{user_id}", json={"userName": "ada", "active": value}),
        await patched(provider, user_id, {"op": "replace", "path": "active", "value": value}),
    ):
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
        assert "active: expected true or false" in answer.json()["detail"]


@pytest.mark.parametrize(("literal", "total"), [("1", 1), ('"1"', 1), ("0", 0), ('"0"', 0)])
async def test_a_filter_by_a_boolean_as_a_number(provider: httpx.AsyncClient, literal: str, total: int) -> None:
    await created(provider)
    answer = await provider.get("/Users", params={"filter": f"active eq {literal}"})
    assert answer.json()["totalResults"] == total


async def test_a_strict_tenant_reads_what_the_rfc_has(strict: httpx.AsyncClient) -> None:
    user_id = await created(strict)
    for path in (f'{APP}:devices[value eq "D2"]', f"{APP}:floors[value gt 6]"):
        assert (await strict.get("/Users", params={"filter": path})).json()["totalResults"] == 1
        assert (await patched(strict, user_id, {"op": "remove", "path": path})).status_code == 200
    assert (await strict.get(f"/Users/{user_id}")).json()[APP] == {"devices": ["D1"], "floors": [1]}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": f"{APP}.badge", "value": "1"},
        {"op": "replace", "path": f"{APP}:badge", "value": {"value": "1"}},
        {"op": "replace", "path": f"{APP}:devices", "value": '["1"]'},
        {"op": "replace", "path": f"{APP}:devices.value", "value": ["1"]},
        {"op": "replace", "path": "active", "value": 1},
        {"op": "replace", "path": "active", "value": "1"},
        {"op": "add", "path": f'{APP}:devices[value eq "D9"]', "value": "D9"},
    ],
)
async def test_a_strict_tenant_refuses(strict: httpx.AsyncClient, operation: dict[str, Any]) -> None:
    assert (await patched(strict, await created(strict), operation)).status_code == 400


async def test_a_strict_tenant_refuses_bodies_that_are_no_patch(strict: httpx.AsyncClient) -> None:
    path = f"/Users/{await created(strict)}"
    for body in ({"schemas": [USER], "active": False}, {"schemas": [PATCH_OP]}):
        assert (await strict.patch(path, json=body)).status_code == 400
    data = [{"op": "replace", "path": "active", "value": False}]
    bulk = await strict.post("/Bulk", json={"Operations": [{"method": "PATCH", "path": path, "data": data}]})
    assert [each["status"] for each in bulk.json()["Operations"]] == ["400"]
    assert (await strict.get(path)).json().get("active") is True


@pytest.mark.parametrize(
    ("filter_", "status"),
    [
        (r'userName eq "CORP\user"', 400),
        (r'userName eq "CORP\bob"', 200),
        (f'{APP}.badge eq "1"', 400),
        (f'{APP}:devices.value eq "D2"', 400),
        ("active eq 1", 400),
    ],
)
async def test_a_strict_tenant_has_the_grammar_alone(strict: httpx.AsyncClient, filter_: str, status: int) -> None:
    answer = await strict.get("/Users", params={"filter": filter_})
    assert answer.status_code == status
