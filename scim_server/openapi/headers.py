"""Headers of answers, by the names under which answers refer to them."""

from collections.abc import Iterable

from scim_server.scim.schema import JsonObject


def references(names: Iterable[str]) -> JsonObject:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def headers() -> dict[str, JsonObject]:
    return {
        "Accept-Encoding": _header(
            "Codings that a body may have, where that was what is wrong", {"type": "string"}, required=False
        ),
        "Content-Location": _header("URL of the resource that is shown", {"type": "string", "format": "uri"}),
        "ETag": _header("Version of the resource, a weak entity tag", {"type": "string", "pattern": '^W/".*"$'}),
        "Location": _header("URL of the resource", {"type": "string", "format": "uri"}),
        "Retry-After": _header("Seconds to wait", {"type": "integer", "minimum": 1}),
        "WWW-Authenticate": _header("Schemes by which a client may authenticate", {"type": "string"}),
        "X-Request-Id": _header(
            "Names the request in the server's log: the request's own X-Request-Id, if it has one that is fit for it",
            {"type": "string"},
        ),
    }


def _header(description: str, schema: JsonObject, *, required: bool = True) -> JsonObject:
    return {"description": description, "required": required, "schema": schema}
