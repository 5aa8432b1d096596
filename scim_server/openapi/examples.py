"""Bodies as a provider might send them."""

from scim_server.scim.core_schemas import GROUP_URN, USER_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.normalise.patch_body import PATCH_OP_URN
from scim_server.scim.schema import JsonObject

_ID = "4f2b8bd0-5d0e-4d8c-a3a6-0d6d0c9a8f11"


def _patch(*operations: JsonObject) -> JsonObject:
    return {"schemas": [PATCH_OP_URN], "Operations": list(operations)}


USERS: list[JsonObject] = [
    {
        "schemas": [USER_URN, ENTERPRISE_URN],
        "userName": "ann@example.com",
        "externalId": "00u1",
        "name": {"givenName": "Ann", "familyName": "Archer"},
        "emails": [{"value": "ann@example.com", "type": "work", "primary": True}],
        "active": True,
        ENTERPRISE_URN: {"department": "Research"},
    }
]
GROUPS: list[JsonObject] = [{"schemas": [GROUP_URN], "displayName": "Analysts", "externalId": "00g1", "members": []}]
USER_PATCHES: list[JsonObject] = [
    _patch({"op": "replace", "path": "active", "value": False}),
    _patch(
        {"op": "add", "path": "emails", "value": [{"value": "ann@example.com", "type": "work", "primary": True}]},
        {"op": "replace", "path": "name.familyName", "value": "Archer"},
        {"op": "remove", "path": "title"},
    ),
]
GROUP_PATCHES: list[JsonObject] = [
    _patch({"op": "add", "path": "members", "value": [{"value": _ID}]}),
    _patch({"op": "remove", "path": f'members[value eq "{_ID}"]'}),
]
