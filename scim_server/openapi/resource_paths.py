"""Paths of users and groups: lists, single resources, searches (RFC 7644 §3)."""

from scim_server.openapi.messages import reference
from scim_server.openapi.operations import operation
from scim_server.openapi.parameters import LISTED_BY_CURSOR, SHOWN, references
from scim_server.openapi.responses import answer
from scim_server.scim.schema import JsonObject, ResourceType

RESOURCE_HEADERS = ("ETag", "Location")


def resource_paths(resource_type: ResourceType, *, patch_shows: bool) -> dict[str, JsonObject]:
    """`patch_shows`: whether PATCH shows the resource without being asked to."""
    name, endpoint = resource_type.name, resource_type.endpoint
    tag, one, many = endpoint.lstrip("/"), f"a {name.lower()}", endpoint.lstrip("/").lower()
    shown = answer(f"The {name.lower()}", RESOURCE_HEADERS, reference(name))
    page = answer(f"A page of {many}", (), reference(f"{name}List"))
    patched = {"200": shown}
    if not patch_shows:
        patched |= {
            "204": answer("Done, and neither attributes nor excludedAttributes were asked for", RESOURCE_HEADERS)
        }
    return {
        endpoint: {
            "get": operation(
                tag, f"list{tag}", f"List {many}", {"200": page}, parameters=LISTED_BY_CURSOR, fails_with=(400,)
            ),
            "post": operation(
                tag,
                f"create{name}",
                f"Create {one}",
                {"201": shown | {"links": _links(name)}},
                parameters=SHOWN,
                body=f"{name}Body",
                fails_with=(409,),
            ),
        },
        f"{endpoint}/.search": {
            "post": operation(tag, f"search{tag}", f"List {many}, with a body", {"200": page}, body="SearchRequest")
        },
        f"{endpoint}/{{id}}": {"parameters": references(["id"])}
        | {
            "get": operation(
                tag,
                f"get{name}",
                f"Read {one}",
                {"200": shown, "304": answer("It still has that version", ("ETag",))},
                parameters=("If-None-Match", *SHOWN),
                fails_with=(400, 404),
            ),
            "put": operation(
                tag,
                f"replace{name}",
                f"Replace {one}",
                {"200": shown},
                parameters=("If-Match", *SHOWN),
                body=f"{name}Body",
                fails_with=(404, 409, 412),
            ),
            "patch": operation(
                tag,
                f"patch{name}",
                f"Change {one}",
                patched,
                parameters=("If-Match", *SHOWN),
                body=f"{name}Patch",
                fails_with=(404, 409, 412),
            ),
            "delete": operation(
                tag,
                f"delete{name}",
                f"Delete {one}",
                {"204": answer("Deleted")},
                parameters=("If-Match",),
                fails_with=(404, 412),
            ),
        },
    }


def _links(name: str) -> JsonObject:
    """From what was created to what can be done with it."""
    parameters = {"id": "$response.body#/id"}
    return {
        f"{verb}{name}": {"operationId": f"{verb}{name}", "parameters": parameters}
        for verb in ("get", "replace", "patch", "delete")
    }
