"""Answers: always `application/scim+json`, errors always as SCIM bodies."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scim_server.http.exchange import exchange_in
from scim_server.scim.errors import ScimError, plain_error

MEDIA_TYPE = "application/scim+json"
RETRY_AFTER_SECONDS = 5
"""What an answer 503 asks for: about the time a database needs to fail over."""


class ScimResponse(Response):
    """A JSON document."""

    media_type = MEDIA_TYPE

    def __init__(self, document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(document, option=orjson.OPT_UTC_Z), status, dict(headers) if headers else None)


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    return Response(status_code=204, headers=dict(headers) if headers else None)


def not_modified(headers: Mapping[str, str]) -> Response:
    """RFC 9110 §15.4.5: `headers` are those that a 200 would have had."""
    return Response(status_code=304, headers=dict(headers))


class _ErrorResponse(ScimResponse):
    """The body of RFC 7644 §3.12; the log line of the request gets what it may hold of the error."""

    def __init__(self, error: ScimError, headers: Mapping[str, str] | None) -> None:
        super().__init__(error.body(), error.status, headers)
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange_in(scope).note(self._error)
        await super().__call__(scope, receive, send)


def error_response(error: ScimError, headers: Mapping[str, str] | None = None) -> Response:
    return _ErrorResponse(error, headers)


def not_authenticated() -> Response:
    """The same bytes for every reason, and the schemes that some tenant or other may use (RFC 9110 §11.6.1)."""
    error = plain_error(401, "a valid credential of this tenant is expected in the header Authorization")
    return error_response(error, {"WWW-Authenticate": 'Bearer realm="scim", Basic realm="scim", charset="UTF-8"'})


def too_often(detail: str, wait_seconds: int) -> Response:
    """RFC 6585 §4. `detail` has nothing of the request in it."""
    return error_response(plain_error(429, detail), {"Retry-After": str(wait_seconds)})


def unavailable(detail: str) -> Response:
    """`detail` has nothing of the request in it."""
    return error_response(plain_error(503, detail), {"Retry-After": str(RETRY_AFTER_SECONDS)})
