"""Paths of SCIM beside users and groups: the own user, roles, search, bulk, discovery, this document."""

from scim_server.openapi.messages import reference
from scim_server.openapi.operations import operation
from scim_server.openapi.parameters import LISTED, SHOWN, references
from scim_server.openapi.resource_paths import RESOURCE_HEADERS
from scim_server.openapi.responses import JSON, answer
from scim_server.scim.schema import JsonObject

_NO_FILTER = "What this tenant's endpoint has. A filter is 403 (RFC 7644 §4)"


def me_path() -> JsonObject:
    """RFC 7644 §3.11."""
    headers = (*RESOURCE_HEADERS, "Content-Location")
    shown = answer("The user that the credential stands for", headers, reference("User"))
    tag = "Me"
    return {
        "get": operation(
            tag,
            "getMe",
            "Read the own user",
            {"200": shown, "304": answer("It still has that version", ("ETag",))},
            parameters=("If-None-Match", *SHOWN),
            fails_with=(400, 404, 501),
        ),
        "put": operation(
            tag,
            "replaceMe",
            "Replace the own user",
            {"200": shown},
            parameters=("If-Match", *SHOWN),
            body="UserBody",
            fails_with=(404, 409, 412, 501),
        ),
        "patch": operation(
            tag,
            "patchMe",
            "Change the own user",
            {"200": shown},
            parameters=("If-Match", *SHOWN),
            body="UserPatch",
            fails_with=(404, 409, 412, 501),
        ),
        "delete": operation(
            tag,
            "deleteMe",
            "Delete the own user",
            {"204": answer("Deleted")},
            parameters=("If-Match",),
            fails_with=(404, 412, 501),
        ),
        "post": operation(tag, "createMe", "Not implemented: users come from the provider", {}, fails_with=(501,)),
    }


def role_paths() -> dict[str, JsonObject]:
    page = answer("A page of roles", (), reference("RoleList"))
    shown = answer("The role", ("Location",), reference("Role"))
    tag = "Roles"
    return {
        "/Roles": {
            "get": operation(
                tag, "listRoles", "List the role catalogue", {"200": page}, parameters=LISTED, fails_with=(400,)
            )
        },
        "/Roles/.search": {
            "post": operation(tag, "searchRoles", "List roles, with a body", {"200": page}, body="SearchRequest")
        },
        "/Roles/{id}": {"parameters": references(["id"])}
        | {"get": operation(tag, "getRole", "Read a role", {"200": shown}, parameters=SHOWN, fails_with=(400, 404))},
    }


def several_at_once() -> dict[str, JsonObject]:
    page = answer("A page of users, then groups", (), reference("ResourceList"))
    done = answer("The operations were tried: each result has a status", (), reference("BulkResponse"))
    return {
        "/.search": {
            "post": operation(
                "Search", "searchAll", "List users and groups together", {"200": page}, body="SearchRequest"
            )
        },
        "/Bulk": {"post": operation("Bulk", "bulk", "Several operations", {"200": done}, body="BulkRequest")},
    }


def discovery_paths() -> dict[str, JsonObject]:
    """RFC 7644 §4."""
    tag = "Discovery"
    config = answer("Features and how to authenticate", (), reference("ServiceProviderConfig"))
    document = answer("OpenAPI 3.1", (), {"type": "object"}, JSON)
    return {
        "/ServiceProviderConfig": {
            "get": operation(tag, "getServiceProviderConfig", "What this endpoint can do", {"200": config})
        },
        **_documents("Schema", "Schemas"),
        **_documents("ResourceType", "ResourceTypes"),
        "/openapi.json": {"get": operation(tag, "getOpenApi", "This document", {"200": document})},
    }


def _documents(name: str, many: str) -> dict[str, JsonObject]:
    listed, one = answer(_NO_FILTER, (), reference(f"{name}List")), answer(name, (), reference(name))
    return {
        f"/{many}": {"get": operation("Discovery", f"list{many}", f"List {many}", {"200": listed})},
        f"/{many}/{{id}}": {"parameters": references(["id"])}
        | {"get": operation("Discovery", f"get{name}", f"Read a {name}", {"200": one}, fails_with=(404,))},
    }
