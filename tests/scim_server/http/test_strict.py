"""A tenant with `conformance: Strict`; what it refuses in detail is tested with `scim.strict`."""

from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import ConfigBundle, Conformance, ServerConfig
from tests.support.serving import ENTERPRISE, PATCH_OP, Connection, bundle_of, client_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def _strict(bundle: ConfigBundle) -> ConfigBundle:
    tenants = tuple(t.model_copy(update={"conformance": Conformance.STRICT}) for t in bundle.config.tenants)
    config = ServerConfig(revision=bundle.revision, tenants=tenants)
    return ConfigBundle.decode(ConfigBundle.of(config, bundle.secrets).encode())


@pytest.fixture
async def strict(bare_server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    await bare_server.intake.offer(_strict(bundle_of(connection)), "test")
    async with client_of(bare_server.url, connection) as client:
        yield client


async def test_only_a_strict_tenant_is_announced_as_such(strict: httpx.AsyncClient) -> None:
    assert (await strict.get("/ServiceProviderConfig")).json()["interopProfileConformant"] is True


async def test_a_tolerant_tenant_says_nothing(provider: httpx.AsyncClient) -> None:
    assert "interopProfileConformant" not in (await provider.get("/ServiceProviderConfig")).json()


async def test_the_life_of_a_user(strict: httpx.AsyncClient) -> None:
    created = await strict.post("/Users", json={"schemas": [USER], "userName": "ada", "active": True})
    assert created.status_code == 201
    path = f"/Users/{created.json()['id']}"
    operations = [{"op": "replace", "path": "active", "value": False}]
    patched = await strict.patch(path, json={"schemas": [PATCH_OP], "Operations": operations})
    assert patched.json()["active"] is False
    replaced = await strict.put(path, json={**patched.json(), "title": "Countess"})
    assert (replaced.status_code, replaced.json()["title"]) == (200, "Countess")
    assert (await strict.delete(path)).status_code == 204
    assert (await strict.get(path)).status_code == 404


async def test_a_selection_that_matches_nothing(strict: httpx.AsyncClient) -> None:
    created = await strict.post("/Users", json={"schemas": [USER], "userName": "ada"})
    operations = [{"op": "replace", "path": 'emails[type eq "work"].value', "value": "ada@acme.com"}]
    patched = await strict.patch(
        f"/Users/{created.json()['id']}", json={"schemas": [PATCH_OP], "Operations": operations}
    )
    assert (patched.status_code, patched.json()["scimType"]) == (400, "noTarget")


async def test_what_is_refused(strict: httpx.AsyncClient) -> None:
    unknown = await strict.post("/Users", json={"schemas": [USER], "userName": "ada", "shoeSize": 7})
    assert (unknown.status_code, unknown.json()["scimType"]) == (400, "invalidSyntax")
    assert "shoeSize" in unknown.json()["detail"]
    group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Staff"}
    created = (await strict.post("/Groups", json=group)).json()
    operations = [{"op": "replace", "value": {"displayName": "Other"}}]
    patched = await strict.patch(f"/Groups/{created['id']}", json={"schemas": [PATCH_OP], "Operations": operations})
    assert (patched.status_code, patched.json()["scimType"]) == (400, "invalidSyntax")
    assert "path" in patched.json()["detail"]
    wrong = await strict.put(f"/Groups/{created['id']}", json=group | {"members": {"value": "1"}})
    assert (wrong.status_code, wrong.json()["scimType"]) == (400, "invalidValue")
    assert (await strict.get(f"/Groups/{created['id']}")).json()["displayName"] == "Staff"


@pytest.mark.parametrize(
    "filter_",
    [
        "",
        "userName eq ada",
        'active eq "true"',
        'emails[type eq "work"].value eq "ada@acme.com"',
        'department eq "engines"',
        'shoeSize eq "7"',
    ],
)
async def test_filters_are_those_of_the_grammar(strict: httpx.AsyncClient, filter_: str) -> None:
    refused = [
        await strict.get("/Users", params={"filter": filter_}),
        await strict.post("/Users/.search", json={"filter": filter_}),
        await strict.post("/.search", json={"filter": filter_}),
    ]
    assert [(answer.status_code, answer.json()["scimType"]) for answer in refused] == [(400, "invalidFilter")] * 3


async def test_filters_that_are_fine(strict: httpx.AsyncClient) -> None:
    emails = [{"type": "work", "value": "ada@acme.com"}]
    created = await strict.post("/Users", json={"schemas": [USER], "userName": "ada", "emails": emails})
    assert created.status_code == 201
    for filter_ in (
        'userName Eq "ADA"',
        "active eq true",
        'emails[type eq "work" and value sw "ada"]',
        'emails co "@"',
    ):
        assert (await strict.get("/Users", params={"filter": filter_})).json()["totalResults"] == 1, filter_


async def test_extension_attributes_are_sorted_by_under_their_urn(strict: httpx.AsyncClient) -> None:
    assert (await strict.get("/Users", params={"sortBy": f"{ENTERPRISE}:department"})).status_code == 200
    refused = await strict.get("/Users", params={"sortBy": "department"})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidPath")


async def test_a_complex_attribute_is_replaced_as_a_whole(strict: httpx.AsyncClient) -> None:
    name = {"givenName": "Ada", "familyName": "Byron"}
    created = (await strict.post("/Users", json={"schemas": [USER], "userName": "ada", "name": name})).json()

    async def patched(operation: Mapping[str, object]) -> object:
        body = {"schemas": [PATCH_OP], "Operations": [operation]}
        return (await strict.patch(f"/Users/{created['id']}", json=body)).json().get("name")

    added = {"op": "add", "path": "name", "value": {"familyName": "King"}}
    assert await patched(added) == {"givenName": "Ada", "familyName": "King"}
    assert await patched(added | {"op": "replace"}) == {"familyName": "King"}
