"""Request bodies: media type, size, JSON."""

from codecs import BOM_UTF8

import orjson
from starlette.requests import Request

from scim_server.scim.errors import InvalidSyntax, ScimError
from scim_server.scim.schema import JsonObject

DEFAULT_LIMIT = 32 << 20
"""Bytes: a group of 100,000 members with `$ref` and `display` in one PUT is about 20 MiB."""

_ACCEPTED = frozenset({"application/scim+json", "application/json", "text/json"})


async def read_object(request: Request, limit: int) -> JsonObject:
    """The body as a JSON object. Raises ScimError 400, 413 or 415.

    A missing Content-Type is taken for JSON: several providers' HTTP libraries leave it out.
    """
    content_type = request.headers.get("content-type")
    if content_type and content_type.partition(";")[0].strip().lower() not in _ACCEPTED:
        raise ScimError(415, f"application/scim+json is expected, not {content_type[:80]!r}")
    body = await _read(request, limit)
    try:
        document = orjson.loads(body.removeprefix(BOM_UTF8))  # HTTP libraries of .NET may send one
    except orjson.JSONDecodeError as error:
        reason = "it is empty" if not body else f"{error.msg} at offset {error.pos}"
        raise InvalidSyntax(f"the body isn't JSON: {reason}") from None
    if not isinstance(document, dict):
        raise InvalidSyntax("the body isn't a JSON object")
    return document


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ScimError(400, "the connection was closed before the body was complete")
        if chunk := message.get("body", b""):
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> ScimError:
    return ScimError(413, f"the body is larger than {limit} bytes")
