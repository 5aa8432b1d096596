"""The OpenAPI document as such; what the server really answers is held against it in tests/conformance."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import jsonschema
import openapi_spec_validator
import pytest
from typer.testing import CliRunner

from scim_server.auth.scopes import SCOPES
from scim_server.cli import app
from scim_server.http.features import FEATURES
from scim_server.openapi.api import Api, any_tenant
from scim_server.openapi.document import openapi_document
from scim_server.scim.errors import SCIM_TYPES
from scim_server.scim.filter.parser import MAX_LENGTH
from scim_server.scim.resource_types import group_resource_type, user_resource_type
from scim_server.scim.schema import Attribute, AttributeType, Mutability, Returned, Schema, Uniqueness

PUBLISHED = Path(__file__).parents[3] / "docs/reference/openapi.json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
METHODS = ("get", "post", "put", "patch", "delete")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BADGES = Schema(
    "urn:acme:Badges",
    "Badges",
    "",
    (
        Attribute("number", "integer", required=True),
        Attribute("until", "dateTime"),
        Attribute("doors", "complex", multi_valued=True, sub_attributes=(Attribute("floor", "decimal"),)),
    ),
)
ANY = any_tenant()
ACME = Api(
    "https://scim.example.com",
    "acme/okta",
    user_resource_type([BADGES]),
    group_resource_type(),
    ("basic",),
)


def fits(api: Api, schema: str, instance: object) -> bool:
    """Whether a schema of the document takes the instance."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": openapi_document(api)["components"]}
    return bool(jsonschema.Draft202012Validator(root).is_valid(instance))


@pytest.mark.parametrize("api", [ANY, ACME, replace(ACME, strict=True)], ids=["any", "tolerant", "strict"])
def test_it_is_an_openapi_document(api: Api) -> None:
    openapi_spec_validator.validate(openapi_document(api))


def test_the_command_prints_what_is_published() -> None:
    printed = CliRunner().invoke(app, ["openapi"])
    assert printed.exit_code == 0
    assert printed.stdout == PUBLISHED.read_text(), "run `make schemas`"


def test_operations_have_names_of_their_own() -> None:
    paths = openapi_document(ANY)["paths"]
    names = [operation["operationId"] for path in paths.values() for key, operation in path.items() if key in METHODS]
    assert len(names) == len(set(names)) > 30


def test_nothing_is_declared_for_nobody() -> None:
    """And nothing is referred to that isn't declared: `test_it_is_an_openapi_document`."""
    document = openapi_document(ANY)
    text = json.dumps(document)
    for kind in ("schemas", "parameters", "headers", "responses"):
        for name in document["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, name


def test_a_tenant_has_its_address_and_its_ways_to_authenticate() -> None:
    document = openapi_document(ACME)
    assert document["servers"] == [{"url": "https://scim.example.com/acme/okta/scim/v2"}]
    assert document["paths"]["/oauth/token"]["servers"] == [{"url": "https://scim.example.com/acme/okta"}]
    assert document["paths"]["/.well-known/oauth-authorization-server/acme/okta"]["servers"] == [
        {"url": "https://scim.example.com"}
    ]
    assert document["security"] == [{"basic": []}]


def test_any_tenant_has_variables_in_its_address() -> None:
    document = openapi_document(ANY)
    (server,) = document["servers"]
    assert server["url"] == "https://{host}/{namespace}/{name}/scim/v2"
    assert server["variables"].keys() == {"host", "namespace", "name"}
    metadata = document["paths"]["/.well-known/oauth-authorization-server/{namespace}/{name}"]
    assert [parameter["name"] for parameter in metadata["parameters"]] == ["namespace", "name"]


@pytest.mark.parametrize(
    ("instance", "taken"),
    [
        ({"schemas": [USER], "id": "1"}, True),
        ({"schemas": [USER], "id": "1", "userName": "ann", "active": True}, True),
        ({"schemas": [USER], "id": "1", "urn:acme:Badges": {"number": 7, "doors": [{"floor": 1.5}]}}, True),
        ({"schemas": [USER], "userName": "ann"}, False),
        ({"schemas": [ENTERPRISE], "id": "1"}, False),
        ({"schemas": [USER, "urn:unknown"], "id": "1"}, False),
        ({"schemas": [USER], "id": "1", "password": "x"}, False),
        ({"schemas": [USER], "id": "1", "active": "True"}, False),
        ({"schemas": [USER], "id": "1", "title": None}, False),
        ({"schemas": [USER], "id": "1", "unknown": 1}, False),
        ({"schemas": [USER], "id": "1", "name": {"unknown": 1}}, False),
        ({"schemas": [USER], "id": "1", "urn:acme:Badges": {"number": "7"}}, False),
    ],
    ids=str,
)
def test_answers_have_what_the_schemas_have_and_nothing_else(instance: dict[str, Any], taken: bool) -> None:
    assert fits(ACME, "User", instance) is taken


@pytest.mark.parametrize(
    ("body", "tolerant", "strict"),
    [
        ({"schemas": [USER], "userName": "ann"}, True, True),
        ({"schemas": [USER], "userName": "ann", "title": None, "password": "x"}, True, True),
        ({"schemas": [USER], "userName": "ann", "id": "ignored", "groups": []}, True, True),
        ({"userName": "ann"}, True, False),
        ({"schemas": [USER], "userName": "ann", "unknown": 1}, True, False),
        ({"schemas": [USER], "userName": "ann", "urn:acme:Badges": {"number": 7, "unknown": 1}}, True, False),
        ({"schemas": [USER], "userName": "ann", "urn:acme:Badges": {"doors": []}}, False, False),
        ({"schemas": [USER], "userName": " "}, False, False),
        ({"schemas": [USER], "userName": "a" * 513}, False, False),
        ({"schemas": [USER], "userName": "ann", "title": "a" * 513}, True, True),
        ({"schemas": [USER], "userName": "ann", "emails": [{"value": "a" * 513}]}, False, False),
        ({"schemas": [USER], "userName": "ann", "emails": [{"display": "a" * 513}]}, True, True),
        ({"schemas": [USER], "userName": "ann", "photos": [{"value": "a" * 513}]}, True, True),
        ({"schemas": [USER]}, False, False),
    ],
    ids=lambda value: str(value)[:90],
)
def test_bodies(body: dict[str, Any], tolerant: bool, strict: bool) -> None:
    assert fits(ACME, "UserBody", body) is tolerant
    assert fits(replace(ACME, strict=True), "UserBody", body) is strict


def test_examples_are_what_they_are_examples_of() -> None:
    for api in (ACME, replace(ACME, strict=True)):
        for name, schema in openapi_document(api)["components"]["schemas"].items():
            for example in schema.get("examples", ()):
                assert fits(api, name, example), (name, example)


def test_the_data_has_the_values_of_the_code() -> None:
    """`endpoint.json` is written by hand."""
    components = openapi_document(ANY)["components"]
    schemas, parameters = components["schemas"], components["parameters"]
    attribute = schemas["SchemaAttribute"]["properties"]
    scopes = list(SCOPES.values())
    assert schemas["Error"]["properties"]["scimType"]["enum"] == list(SCIM_TYPES)
    assert [attribute[name]["enum"] for name in ("type", "mutability", "returned", "uniqueness")] == [
        list(get_args(kind)) for kind in (AttributeType, Mutability, Returned, Uniqueness)
    ]
    assert schemas["SearchRequest"]["properties"]["filter"]["maxLength"] == MAX_LENGTH
    assert parameters["filter"]["schema"]["maxLength"] == MAX_LENGTH
    assert parameters["count"]["schema"]["default"] == FEATURES.default_page_size
    assert f"at most {FEATURES.max_results:,}." in parameters["count"]["description"]
    assert schemas["BulkRequest"]["properties"]["Operations"]["maxItems"] == FEATURES.bulk_max_operations
    assert schemas["Token"]["properties"]["scope"]["enum"] == scopes
    assert ", ".join(scopes) in schemas["TokenRequest"]["properties"]["scope"]["description"]
    flow = components["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert list(flow["scopes"]) == scopes
