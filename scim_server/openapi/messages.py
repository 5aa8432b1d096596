"""Messages of the protocol as JSON Schema: errors, lists, searches, patches, bulk (RFC 7644 §3)."""

from collections.abc import Sequence

from scim_server.scim.bulk import BULK_REQUEST_URN, BULK_RESPONSE_URN
from scim_server.scim.discovery import Features
from scim_server.scim.errors import ERROR_URN, SCIM_TYPES
from scim_server.scim.filter.parser import MAX_LENGTH
from scim_server.scim.normalise.patch_body import PATCH_OP_URN
from scim_server.scim.paging import LIST_RESPONSE_URN
from scim_server.scim.schema import JsonObject

SEARCH_REQUEST_URN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def reference(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}


def only(urn: str) -> JsonObject:
    """`schemas` of a message: one URN."""
    return {"type": "array", "items": {"const": urn}, "minItems": 1, "maxItems": 1}


def error() -> JsonObject:
    return {
        "description": "What was wrong, and what was expected (RFC 7644 §3.12)",
        "type": "object",
        "properties": {
            "schemas": only(ERROR_URN),
            "status": {"description": "The status of the answer", "type": "string", "pattern": "^[45][0-9]{2}$"},
            "scimType": {"description": "Which kind of 400 or 409", "enum": list(SCIM_TYPES)},
            "detail": {"description": "For people; names the attribute where there is one", "type": "string"},
        },
        "required": ["schemas", "status", "detail"],
        "additionalProperties": False,
    }


def list_of(name: str, *resources: str) -> JsonObject:
    """A list of resources, each one of the schemas named."""
    items = reference(resources[0]) if len(resources) == 1 else {"oneOf": [reference(each) for each in resources]}
    return {
        "description": f"A page of {name} (RFC 7644 §3.4.2, RFC 9865 §2)",
        "type": "object",
        "properties": {
            "schemas": only(LIST_RESPONSE_URN),
            "totalResults": {"description": "How many there are on all pages", "type": "integer", "minimum": 0},
            "itemsPerPage": {"description": "How many there are on this page", "type": "integer", "minimum": 0},
            "startIndex": {"description": "Of pages by index", "type": "integer", "minimum": 1},
            "nextCursor": {"description": "Of pages by cursor, unless this is the last one", "type": "string"},
            "previousCursor": {"description": "Of pages by cursor, unless this is the first one", "type": "string"},
            "Resources": {"type": "array", "items": items},
        },
        "required": ["schemas", "totalResults", "itemsPerPage", "Resources"],
        "additionalProperties": False,
    }


def search_request() -> JsonObject:
    names: JsonObject = {
        "description": "Names, also in one text with commas between them",
        "type": ["array", "string", "null"],
        "items": {"type": "string"},
    }
    return {
        "description": "The parameters of a list as a body (RFC 7644 §3.4.3)",
        "type": "object",
        "properties": {
            "schemas": {"description": f"{SEARCH_REQUEST_URN}; not looked at"},
            "filter": {"type": ["string", "null"], "maxLength": MAX_LENGTH},
            "startIndex": {"type": ["integer", "null"]},
            "count": {"type": ["integer", "null"]},
            "cursor": {"type": ["string", "null"]},
            "sortBy": {"type": ["string", "null"]},
            "sortOrder": {"enum": ["ascending", "descending", None]},
            "attributes": names,
            "excludedAttributes": names,
        },
        "examples": [
            {"schemas": [SEARCH_REQUEST_URN], "filter": 'displayName sw "a"', "count": 10, "attributes": ["id"]}
        ],
    }


def patch(description: str, examples: Sequence[JsonObject], *, strict: bool) -> JsonObject:
    """A PATCH of something. A strict tenant's operations need a path, and a value unless they remove."""
    operation: JsonObject = {
        "type": "object",
        "properties": {
            "op": {"enum": ["add", "replace", "remove"]},
            "path": {
                "description": "An attribute, a selection of elements, or a sub-attribute of one"
                + ("" if strict else "; without it the value is an object of attributes"),
                "type": "string" if strict else ["string", "null"],
            },
            "value": {"description": "Of the attribute's type"},
        },
        "required": ["op", "path"] if strict else ["op"],
    }
    operations: JsonObject = {"type": "array", "items": operation}
    if strict:
        operation["additionalProperties"] = False
        operations["minItems"] = 1
    return {
        "description": description,
        "type": "object",
        "properties": {
            "schemas": only(PATCH_OP_URN) if strict else {"type": "array", "items": {"type": "string"}},
            "Operations": operations,
        },
        "required": ["schemas", "Operations"] if strict else ["Operations"],
        "examples": list(examples),
    }


def bulk_request(features: Features) -> JsonObject:
    user = {"method": "POST", "path": "/Users", "bulkId": "ann", "data": {"userName": "ann@example.com"}}
    group = {"displayName": "Analysts", "members": [{"value": "bulkId:ann"}]}
    return {
        "description": "Several operations, each a transaction of its own (RFC 7644 §3.7)",
        "type": "object",
        "properties": {
            "schemas": {"description": f"{BULK_REQUEST_URN}; not looked at"},
            "failOnErrors": {
                "description": "After how many errors nothing more is done; 0 and less for never",
                "type": ["integer", "null"],
            },
            "Operations": {
                "type": "array",
                "maxItems": features.bulk_max_operations,
                "items": {
                    "type": "object",
                    "properties": {
                        "method": {"enum": ["POST", "PUT", "PATCH", "DELETE"]},
                        "path": {"description": "/Users, /Groups or one of them with an id", "type": "string"},
                        "bulkId": {
                            "description": "Others refer to what is created by `bulkId:` and this",
                            "type": ["string", "null"],
                        },
                        "version": {"description": "As If-Match", "type": ["string", "null"]},
                        "data": {
                            "description": "The body; of a PATCH also its operations alone",
                            "type": ["object", "array", "null"],
                        },
                    },
                    "required": ["method", "path"],
                },
            },
        },
        "required": ["Operations"],
        "examples": [
            {
                "schemas": [BULK_REQUEST_URN],
                "Operations": [user, {"method": "POST", "path": "/Groups", "bulkId": "analysts", "data": group}],
            }
        ],
    }


def bulk_response() -> JsonObject:
    return {
        "description": "What became of each operation that was tried (RFC 7644 §3.7.3)",
        "type": "object",
        "properties": {
            "schemas": only(BULK_RESPONSE_URN),
            "Operations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "method": {"description": "As it was sent; empty where it was no string", "type": "string"},
                        "bulkId": {"type": "string"},
                        "location": {"type": "string", "format": "uri"},
                        "version": {"type": "string"},
                        "status": {"type": "string", "pattern": "^[245][0-9]{2}$"},
                        "response": reference("Error"),
                    },
                    "required": ["method", "status"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["schemas", "Operations"],
        "additionalProperties": False,
    }
