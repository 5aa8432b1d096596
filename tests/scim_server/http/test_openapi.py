"""/openapi.json: the tenant's own document, and that it has every route."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import openapi_spec_validator
import pytest
from starlette.routing import Route

from scim_server.app import Server
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.key_fetch import KeyFetcher
from scim_server.auth.last_uses import LastUses
from scim_server.config import AttributeRule, ConfigBundle, Conformance, ExtensionSchema, ServerConfig
from scim_server.directory.directory import Directory
from scim_server.directory.stored_rules import StoredRules
from scim_server.http.app import create_scim_app
from scim_server.http.openapi import document_of_any_tenant
from scim_server.http.protection import Protection, RequestLimits
from scim_server.http.public_url import PublicUrl
from scim_server.limits.client_address import TrustedProxies
from tests.support.serving import EFFECTIVE, Connection, bundle_of, client_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

METHODS = {"get", "post", "put", "patch", "delete"}
BADGES = "urn:acme:Badges"


async def document_of(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, key.upper()) for path, item in document["paths"].items() for key in item if key in METHODS}


async def test_it_is_of_the_tenant_at_its_address(provider: httpx.AsyncClient) -> None:
    document = await document_of(provider)
    openapi_spec_validator.validate(document)
    assert document["servers"] == [{"url": str(provider.base_url).rstrip("/")}]
    assert document["security"] == [{"bearer": []}]


async def test_it_needs_a_credential_of_any_access(
    provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    assert (await provider.get("/openapi.json", headers={"Authorization": ""})).status_code == 401
    assert await document_of(application) == await document_of(provider)


async def test_it_is_only_read(provider: httpx.AsyncClient) -> None:
    answer = await provider.post("/openapi.json", json={})
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


async def test_it_follows_the_configuration(
    server: Server, connection: Connection, provider: httpx.AsyncClient
) -> None:
    assert BADGES not in (await document_of(provider))["components"]["schemas"]["User"]["properties"]
    badges = ExtensionSchema.model_validate(
        {"mapping": "acme/badges", "id": BADGES, "attributes": [{"name": "number", "type": "integer"}]}
    )
    bundle = bundle_of(connection, revision=2)
    (tenant,) = bundle.config.tenants
    tenant = tenant.model_copy(update={"schemas": (badges,), "conformance": Conformance.STRICT})
    changed = ConfigBundle.of(ServerConfig(revision=2, tenants=(tenant,)), bundle.secrets)
    await server.intake.offer(changed, "test")

    schemas = (await document_of(provider))["components"]["schemas"]

    assert schemas["User"]["properties"][BADGES]["properties"]["number"]["type"] == "integer"
    assert schemas["UserBody"]["additionalProperties"] is False


async def test_the_one_of_any_tenant_holds_for_a_tenant_with_schemas_and_a_profile_of_its_own(
    server: Server, connection: Connection, provider: httpx.AsyncClient, application: httpx.AsyncClient
) -> None:
    number = [{"name": "number", "type": "integer"}]
    schemas = tuple(
        ExtensionSchema.model_validate(
            {"mapping": "acme/badges", "id": f"{BADGES}:{kind}", "resourceType": kind, "attributes": number}
        )
        for kind in ("User", "Group")
    )
    profile = (
        AttributeRule(mapping="acme/profile", target="team", path="displayName"),
        AttributeRule(mapping="acme/profile", target="badge", path=f"{BADGES}:User:number"),
    )
    bundle = bundle_of(replace(connection, attributes=profile), revision=2)
    (tenant,) = bundle.config.tenants
    changed = ServerConfig(revision=2, tenants=(tenant.model_copy(update={"schemas": schemas}),))
    await server.intake.offer(ConfigBundle.of(changed, bundle.secrets), "test")
    user = {"userName": "ada", "displayName": "Compilers", f"{BADGES}:User": {"number": 7}}
    assert (await provider.post("/Users", json=user)).status_code == 201
    assert (
        await provider.post("/Groups", json={"displayName": "g", f"{BADGES}:Group": {"number": 1}})
    ).status_code == 201

    for path, schema in (("/Users", "UserList"), ("/Groups", "GroupList")):
        answer = (await application.get(path)).json()
        assert f"{BADGES}:{schema.removesuffix('List')}" in answer["Resources"][0]["schemas"]
        root = {"$ref": f"#/components/schemas/{schema}", "components": document_of_any_tenant()["components"]}
        jsonschema.Draft202012Validator(root).validate(answer)
        if path == "/Users":
            shown = answer["Resources"][0][EFFECTIVE]["profile"]
            assert (shown["team"], shown["badge"]) == ("Compilers", 7)


async def test_every_route_is_in_it_and_nothing_else(server: Server, provider: httpx.AsyncClient) -> None:
    proxies = TrustedProxies(())
    fetcher = KeyFetcher()
    app = create_scim_app(
        Directory(server.storage, StoredRules(server.storage)),
        server.feed,
        server.holder,
        PublicUrl(None, proxies),
        server.metrics,
        Protection(RequestLimits(), proxies, server.metrics),
        KeyCache(fetcher.fetch),
        server.storage,
        LastUses(server.storage, server.holder),
        1024,
    )
    routes = {
        (route.path.replace(":path}", "}"), method)
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    documented = {(path, method) for path, method in operations(await document_of(provider)) if "oauth" not in path}
    assert documented == {(path, method) for path, method in routes if method != "HEAD"}


@pytest.fixture
async def anybody(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(server.url) as client:
        yield client


async def test_what_lies_beside_scim_is_where_it_says(
    provider: httpx.AsyncClient, application: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> None:
    paths = (await document_of(provider))["paths"]
    beside = {path: item for path, item in paths.items() if "servers" in item}
    events = beside.pop("/events")["servers"][0]["url"] + "/events"
    assert (await anybody.get(events)).status_code == 401
    assert (await application.get(events)).status_code == 200
    assert len(beside) == 2
    for path, item in beside.items():
        answer = await anybody.options(item["servers"][0]["url"] + path)
        assert answer.status_code == 405
        assert {answer.headers["allow"].lower()} == item.keys() & METHODS
