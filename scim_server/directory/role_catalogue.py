"""The tenant's role catalogue as resources. It is part of the configuration and read-only over SCIM."""

from collections.abc import Sequence
from urllib.parse import quote

from scim_server.directory.caller import Caller
from scim_server.directory.lists import ListRequest
from scim_server.directory.representation import location_of
from scim_server.folding import fold
from scim_server.scim.errors import InvalidPath, NotFound
from scim_server.scim.filter.memory import resource_test
from scim_server.scim.role_schema import ROLE_TYPE
from scim_server.scim.schema import JsonObject


def list_roles(caller: Caller, request: ListRequest) -> tuple[int, Sequence[JsonObject]]:
    """The number of all roles that match, and those of the page: in the catalogue's order, or by displayName or id.

    Raises InvalidPath for another order.
    """
    query, page = request.query, request.page
    roles = _roles(caller)
    if query.filter is not None:
        roles = [*filter(resource_test(query.filter), roles)]
    if query.sort_by is not None:
        name = query.sort_by.dotted
        if name not in ("id", "displayName"):
            raise InvalidPath(f"sortBy: roles can't be sorted by {name}", attribute="sortBy")
        roles.sort(key=lambda role: fold(role[name]), reverse=query.descending)
    return len(roles), roles[page.start_index - 1 :][: page.count]


def get_role(caller: Caller, role_id: str) -> JsonObject:
    """Raises NotFound."""
    for role in _roles(caller):
        if role["id"] == role_id:
            return role
    raise NotFound(f"there is no role with id {role_id[:64]}")


def _roles(caller: Caller) -> list[JsonObject]:
    return [
        {
            "id": role.name,
            "displayName": role.display_name or role.name,
            "meta": {
                "resourceType": ROLE_TYPE.name,
                "location": location_of(caller.base_url, ROLE_TYPE.endpoint, quote(role.name, safe="")),
            },
        }
        for role in caller.tenant.config.roles
    ]
