"""The tenant's token endpoint and its metadata (RFC 6749 §4.4, RFC 8414)."""

from collections.abc import Sequence

from scim_server.openapi.api import Api, path_parameters, server
from scim_server.openapi.messages import reference
from scim_server.openapi.responses import JSON, SCIM, answer
from scim_server.scim.schema import JsonObject

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
_TAG = "OAuth"


def oauth_paths(api: Api) -> dict[str, JsonObject]:
    """With their own servers: they lie beside the SCIM endpoint. The metadata need no credential; the token endpoint
    takes the client's in the header or in the form."""
    metadata_path = f"/.well-known/oauth-authorization-server/{api.tenant}"
    metadata: JsonObject = {
        "get": {
            "operationId": "getOAuthMetadata",
            "tags": [_TAG],
            "summary": "Where and how clients get tokens",
            "description": "The same for every tenant, whether there is one or not.",
            "security": [],
            "responses": {"200": answer("RFC 8414 §2", (), reference("OAuthMetadata"), JSON)} | _unavailable(),
        }
    }
    if variables := path_parameters(metadata_path):
        metadata = {"parameters": variables} | metadata
    return {
        TOKEN_PATH: {"servers": [server(api.tenant_url)], "post": _token_operation()},
        metadata_path: {"servers": [server(api.public_url)]} | metadata,
    }


def _token_operation() -> JsonObject:
    error = reference("OAuthError")
    return {
        "operationId": "getToken",
        "tags": [_TAG],
        "summary": "Get an access token",
        "description": "By a client's secret, in the header or in the form, or by an assertion that it signs.",
        "security": [{}, {"client": []}],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": reference("TokenRequest")}},
        },
        "responses": {
            "200": answer("RFC 6749 §5.1", (), reference("Token"), JSON),
            "400": answer("RFC 6749 §5.2", (), error, JSON),
            "401": answer("The client is not authenticated", ("WWW-Authenticate",), error, JSON),
            "429": answer("Too many requests", ("Retry-After",), error, JSON),
        }
        | _unavailable(),
    }


def _unavailable() -> JsonObject:
    """503 is an OAuth error where the token endpoint answers, a SCIM error before."""
    both = {JSON: {"schema": reference("OAuthError")}, SCIM: {"schema": reference("Error")}}
    headers = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return {
        "431": {"$ref": "#/components/responses/431"},
        "503": {"description": "Try again", "headers": headers, "content": both},
    }


def oauth_schemas(scopes: Sequence[str]) -> dict[str, JsonObject]:
    text: JsonObject = {"type": "string"}
    texts: JsonObject = {"type": "array", "items": text}
    url: JsonObject = {"type": "string", "format": "uri"}
    return {
        "TokenRequest": {
            "type": "object",
            "properties": {
                "grant_type": {"const": "client_credentials"},
                "scope": {"description": f"Any of {', '.join(scopes)}; others are ignored", "type": "string"},
                "client_id": text,
                "client_secret": text | {"format": "password"},
                "client_assertion_type": {"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                "client_assertion": {"description": "A JWT (RFC 7523)", "type": "string"},
            },
            "required": ["grant_type"],
        },
        "Token": {
            "type": "object",
            "properties": {
                "access_token": text,
                "token_type": {"const": "Bearer"},
                "expires_in": {"description": "Seconds", "type": "integer", "minimum": 1},
                "scope": {"enum": list(scopes)},
            },
            "required": ["access_token", "token_type", "expires_in", "scope"],
            "additionalProperties": False,
        },
        "OAuthError": {
            "type": "object",
            "properties": {"error": text, "error_description": text},
            "required": ["error", "error_description"],
            "additionalProperties": False,
        },
        "OAuthMetadata": {
            "type": "object",
            "properties": {
                "issuer": url,
                "token_endpoint": url,
                "grant_types_supported": texts,
                "response_types_supported": texts,
                "scopes_supported": texts,
                "token_endpoint_auth_methods_supported": texts,
                "token_endpoint_auth_signing_alg_values_supported": texts,
            },
            "required": ["issuer", "token_endpoint", "response_types_supported"],
            "additionalProperties": False,
        },
    }
