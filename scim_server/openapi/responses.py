"""Answers of operations. Those that many share are components; an answer without a body has no `content`."""

from collections.abc import Iterable, Mapping

from scim_server.openapi.headers import references
from scim_server.openapi.messages import reference
from scim_server.scim.schema import JsonObject

SCIM = "application/scim+json"
JSON = "application/json"

_ERRORS: Mapping[int, tuple[str, tuple[str, ...]]] = {
    400: ("The request isn't understood, or what it says isn't possible: `scimType` and `detail` say why", ()),
    401: ("No valid credential of this tenant. The same for every reason", ("WWW-Authenticate",)),
    403: ("The credential may not do this", ()),
    404: ("There is no such resource in this tenant", ()),
    408: ("The body did not arrive in time", ()),
    409: ("`uniqueness`: another resource has the name", ()),
    412: ("The resource doesn't have a version that If-Match names", ()),
    413: ("The body is too large, or has too many operations", ()),
    415: ("The body has another type than JSON, or an unknown Content-Encoding", ("Accept-Encoding",)),
    429: ("Too many requests", ("Retry-After",)),
    501: ("The credential stands for no user, or the method isn't implemented here", ()),
}
EVERYWHERE = (401, 403, 429, 431, 503)
WITH_BODY = (400, 408, 413, 415)


def responses() -> dict[str, JsonObject]:
    """The components, by their status as a text."""
    return {
        str(status): answer(description, headers, reference("Error"))
        for status, (description, headers) in _ERRORS.items()
    } | {
        # Also given before there is a request that could have an id.
        "431": _answer("The request's head is too large", (), {SCIM: reference("Error")}),
        "503": _answer(
            "Nothing was done, or it isn't known: try again", ("Retry-After",), {SCIM: reference("Error")}
        ),
    }


def errors(*statuses: int) -> JsonObject:
    """Of an operation: what everything may be answered, and `statuses`."""
    wanted = sorted({*EVERYWHERE, *statuses})
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in wanted}


def answer(
    description: str, headers: Iterable[str] = (), schema: JsonObject | None = None, media_type: str = SCIM
) -> JsonObject:
    """An answer to a request, with `headers` and the request's id."""
    return _answer(description, ("X-Request-Id", *headers), {} if schema is None else {media_type: schema})


def _answer(description: str, headers: Iterable[str], schemas: Mapping[str, JsonObject]) -> JsonObject:
    made: JsonObject = {"description": description}
    if headers := references(headers):
        made["headers"] = headers
    if schemas:
        made["content"] = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return made
