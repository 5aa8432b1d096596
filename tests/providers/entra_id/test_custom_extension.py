"""A tenant's own extension, whose URN Entra ID leaves out of `schemas`."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import ConfigBundle, ExtensionSchema, ServerConfig
from tests.support.serving import PATCH_OP, Connection, bundle_of, client_of

APP = "urn:acme:scim:schemas:extension:app:2.0:User"
DECLARED = ExtensionSchema.model_validate({"mapping": "acme/app", "id": APP, "attributes": [{"name": "orgName"}]})


@pytest.fixture
async def provider(bare_server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    bundle = bundle_of(connection)
    tenants = tuple(tenant.model_copy(update={"schemas": (DECLARED,)}) for tenant in bundle.config.tenants)
    config = ServerConfig(revision=bundle.revision, tenants=tenants)
    await bare_server.intake.offer(ConfigBundle.of(config, bundle.secrets), "test")
    async with client_of(bare_server.url, connection) as client:
        yield client


async def test_its_urn_is_missing_from_schemas(provider: httpx.AsyncClient) -> None:
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    body = {"schemas": schemas, "userName": "ada@acme.com", APP: {"orgName": "Engines"}}
    created = await provider.post("/Users", json=body)
    user: dict[str, Any] = created.json()
    assert (created.status_code, user[APP], user["schemas"]) == (201, {"orgName": "Engines"}, [*schemas, APP])
    operations = [{"op": "Add", "path": f"{APP}:orgName", "value": "Analytics"}]
    patched = await provider.patch(f"/Users/{user['id']}", json={"schemas": [PATCH_OP], "Operations": operations})
    assert patched.json()[APP] == {"orgName": "Analytics"}


async def test_one_that_is_not_declared_is_ignored(provider: httpx.AsyncClient) -> None:
    undeclared = "urn:acme:scim:schemas:extension:other:2.0:User"
    created = await provider.post("/Users", json={"userName": "ada@acme.com", undeclared: {"orgName": "Engines"}})
    assert created.status_code == 201
    assert undeclared not in created.json()
    operations = [{"op": "Add", "path": f"{undeclared}:orgName", "value": "Analytics"}]
    path = f"/Users/{created.json()['id']}"
    patched = await provider.patch(path, json={"schemas": [PATCH_OP], "Operations": operations})
    assert (patched.status_code, patched.headers["etag"]) == (200, created.headers["etag"])
