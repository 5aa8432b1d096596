"""OAuth 2.0 over HTTP: a tenant's token endpoint (RFC 6749 §4.4, §5) and its metadata (RFC 8414).

    POST /{namespace}/{name}/oauth/token
    GET  /.well-known/oauth-authorization-server/{namespace}/{name}

The metadata are the same for every pair of names, whether there is such a tenant or not.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope

from scim_server.auth.scopes import SCOPES
from scim_server.auth.token_grants import Granted, OAuthError, TokenRequest
from scim_server.config import SigningAlgorithm
from scim_server.http.responses import RETRY_AFTER_SECONDS
from scim_server.limits.slots import Slot

TOKEN_PATH = re.compile(r"/([^/]+)/([^/]+)/oauth/token")
METADATA_PATH = re.compile(r"/\.well-known/oauth-authorization-server/([^/]+)/([^/]+)")

_LARGEST_BODY = 32 << 10
_BODY_SECONDS = 3.0
_MOST_PARAMETERS = 32
_FORM = "application/x-www-form-urlencoded"
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CLOSE = {"Connection": "close"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="oauth", charset="UTF-8"'}


class BodyTooLate(OAuthError):
    """What still comes of the body must not be read as another request."""


class OAuthResponse(Response):
    """A JSON document that nobody may store."""

    media_type = "application/json"

    def __init__(
        self, document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(orjson.dumps(document), status, _NOT_STORED | dict(headers or {}))


async def read_token_request(
    scope: Scope, receive: Receive, slot: Slot, names: tuple[str, str], authorization: bytes | None, public_url: str
) -> TokenRequest:
    """Raises `OAuthError`, `BodyTooLate`, and `Displaced` where the slot is lost meanwhile."""
    content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if content_type.partition(b";")[0].strip().lower() != _FORM.encode():
        raise OAuthError("invalid_request", f"a body of type {_FORM} is expected")
    parameters: dict[str, str] = {}
    try:
        async with slot.waiting(_BODY_SECONDS):
            body = (await _read(receive)).decode()
        pairs = parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except TimeoutError:
        raise BodyTooLate("invalid_request", f"the body did not arrive within {_BODY_SECONDS:g} s") from None
    except ValueError:
        raise OAuthError(
            "invalid_request", f"a form of at most {_MOST_PARAMETERS} parameters in UTF-8 is expected"
        ) from None
    for name, value in pairs:
        if name in parameters:
            raise OAuthError("invalid_request", "a parameter is expected only once")
        if value:  # RFC 6749 §3.2: without a value it counts as left out
            parameters[name] = value
    issuer = _issuer(public_url, names)
    return TokenRequest(*names, authorization, parameters, (_token_endpoint(issuer), issuer))


def granted_response(granted: Granted) -> Response:
    return OAuthResponse(granted.body)


def oauth_error_response(error: OAuthError) -> Response:
    """RFC 6749 §5.2."""
    headers = _CHALLENGE if error.status == 401 else CLOSE if isinstance(error, BodyTooLate) else None
    return OAuthResponse({"error": error.code, "error_description": error.description}, error.status, headers)


def too_often_response(wait_seconds: int, headers: Mapping[str, str] | None = None) -> Response:
    """RFC 6585 §4, in the form of the other errors."""
    body = {"error": "temporarily_unavailable", "error_description": "Too many requests: try again later."}
    return OAuthResponse(body, 429, {"Retry-After": str(wait_seconds)} | dict(headers or {}))


def oauth_unavailable_response(description: str) -> Response:
    """Nobody can say now whether the client's proof is good."""
    body = {"error": "temporarily_unavailable", "error_description": description}
    return OAuthResponse(body, 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def method_not_allowed(allowed: str) -> Response:
    error = {"error": "invalid_request", "error_description": f"{allowed} is expected"}
    return OAuthResponse(error, 405, {"Allow": allowed})


def metadata_response(names: tuple[str, str], public_url: str) -> Response:
    """RFC 8414 §2."""
    issuer = _issuer(public_url, names)
    return OAuthResponse(
        {
            "issuer": issuer,
            "token_endpoint": _token_endpoint(issuer),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": list(SCOPES.values()),
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": [algorithm.value for algorithm in SigningAlgorithm],
        }
    )


def _issuer(public_url: str, names: tuple[str, str]) -> str:
    return f"{public_url}/{names[0]}/{names[1]}"


def _token_endpoint(issuer: str) -> str:
    return f"{issuer}/oauth/token"


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LARGEST_BODY:
            raise OAuthError("invalid_request", f"the body is larger than {_LARGEST_BODY} bytes")
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return body
