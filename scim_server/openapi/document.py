"""The document as a whole: what is the same for every tenant is data, in `endpoint.json` and `events.json`."""

import json
from importlib.metadata import version
from importlib.resources import files

from scim_server.openapi.api import Api, path_parameters, server
from scim_server.openapi.resources import accepted_resource, shown_resource
from scim_server.openapi.security import security_requirements, security_schemes
from scim_server.scim.role_schema import ROLE_TYPE
from scim_server.scim.schema import JsonObject

_FILES = files("scim_server.openapi")
_ENDPOINT = _FILES.joinpath("endpoint.json").read_text(encoding="utf-8")
_EVENTS = _FILES.joinpath("events.json").read_text(encoding="utf-8")


def openapi_document(api: Api) -> JsonObject:
    """OpenAPI 3.1.1."""
    endpoint = json.loads(_ENDPOINT)
    conformance = "strict" if api.strict else "tolerant"
    document: JsonObject = endpoint["document"]
    document["info"]["version"] = version("scim-operator")
    document["info"]["description"] += " " + endpoint["descriptions"][conformance]
    document["servers"] = [server(f"{api.tenant_url}/scim/v2")]
    document["security"] = security_requirements(api)
    document["components"]["securitySchemes"] = security_schemes(api)
    _add_oauth_addresses(document["paths"], endpoint["metadataPath"], api)
    events = json.loads(_EVENTS)
    document["paths"]["/events"] = events["path"] | {"servers": [server(api.tenant_url)]}
    schemas = document["components"]["schemas"]
    schemas |= events["schemas"]
    for name in ("UserPatch", "GroupPatch"):
        schemas[name] |= endpoint["patch"][conformance]
    for name, schema in _resources(api).items():
        schemas[name] = schema | schemas.get(name, {})
    return document


def as_text(document: JsonObject) -> str:
    """For people and version control."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _add_oauth_addresses(paths: JsonObject, metadata: JsonObject, api: Api) -> None:
    """The token endpoint and its metadata have servers of their own: they lie beside the SCIM endpoint."""
    paths["/oauth/token"]["servers"] = [server(api.tenant_url)]
    path = f"/.well-known/oauth-authorization-server/{api.tenant}"
    variables = path_parameters(path)
    paths[path] = {"servers": [server(api.public_url)]} | ({"parameters": variables} if variables else {}) | metadata


def _resources(api: Api) -> dict[str, JsonObject]:
    """The schemas that depend on a tenant's extensions; `endpoint.json` has the examples of some."""
    return {
        "User": shown_resource(api.users, of_any_tenant=api.of_any_tenant),
        "UserBody": accepted_resource(api.users, strict=api.strict),
        "Group": shown_resource(api.groups, of_any_tenant=api.of_any_tenant),
        "GroupBody": accepted_resource(api.groups, strict=api.strict),
        "Role": shown_resource(ROLE_TYPE),
    }
