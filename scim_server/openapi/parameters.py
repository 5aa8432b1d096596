"""Parameters of requests, by the names under which operations refer to them."""

from collections.abc import Iterable

from scim_server.scim.discovery import Features
from scim_server.scim.filter.parser import MAX_LENGTH
from scim_server.scim.schema import JsonObject

SHOWN = ("attributes", "excludedAttributes")
LISTED = ("filter", "startIndex", "count", "sortBy", "sortOrder", *SHOWN)
LISTED_BY_CURSOR = (*LISTED, "cursor")


def references(names: Iterable[str]) -> list[JsonObject]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def parameters(features: Features) -> dict[str, JsonObject]:
    """The parameters. Names compare without case, and those that aren't known are ignored."""
    names: JsonObject = {"type": "array", "items": {"type": "string"}}
    return {
        "id": {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "Id of the resource, percent-encoded",
            "schema": {"type": "string", "minLength": 1},
        },
        "filter": _query(
            "filter",
            "RFC 7644 §3.4.2.2; an attribute or an operator that can't be answered is 400 invalidFilter",
            {"type": "string", "maxLength": MAX_LENGTH, "examples": ['displayName eq "Analysts"']},
        ),
        "startIndex": _query(
            "startIndex", "Where the page begins; less than 1 is 1", {"type": "integer", "default": 1}
        ),
        "count": _query(
            "count",
            f"How many are wanted, at most {features.max_results:,}. By index, more is that many, less than 0 is 0,"
            " and 0 asks for the total alone; by cursor these are 400 invalidCount",
            {"type": "integer", "default": features.default_page_size},
        ),
        "cursor": _query(
            "cursor",
            "RFC 9865: empty for the first page, then nextCursor or previousCursor of another page",
            {"type": "string"},
        )
        | {"allowEmptyValue": True},
        "sortBy": _query("sortBy", "Path of an attribute; otherwise the order of creation", {"type": "string"}),
        "sortOrder": _query("sortOrder", "Of sortBy", {"enum": ["ascending", "descending"], "default": "ascending"}),
        "attributes": _query("attributes", "Show only these, and what is always shown", names) | _COMMAS,
        "excludedAttributes": _query("excludedAttributes", "Don't show these", names) | _COMMAS,
        "If-Match": _header("If-Match", "Versions, one of which the resource must have: 412 otherwise"),
        "If-None-Match": _header("If-None-Match", "Versions that the client has: 304 when it is one of these"),
    }


_COMMAS: JsonObject = {"style": "form", "explode": False}


def _query(name: str, description: str, schema: JsonObject) -> JsonObject:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str) -> JsonObject:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}
