"""Bodies of requests as the tenant reads them: tolerantly, or strictly where its configuration says so."""

from typing import Any

from scim_server.directory.caller import Caller
from scim_server.directory.groups import WantedGroup
from scim_server.scim import strict
from scim_server.scim.normalise import normalise_patch, normalise_resource, take_members
from scim_server.scim.patch import GroupPatch, Operation, plan_group_patch
from scim_server.scim.schema import JsonObject, ResourceType


def parse_user(caller: Caller, body: Any) -> JsonObject:
    """The document in a body of POST or PUT. Raises ScimError 400."""
    return _parse_resource(caller, body, caller.tenant.users)


def parse_user_patch(caller: Caller, body: Any) -> list[Operation]:
    """Raises ScimError 400 for an operation."""
    return _parse_patch(caller, body, caller.tenant.users)


def parse_group(caller: Caller, body: Any) -> WantedGroup:
    """A body of POST or PUT. Raises ScimError 400."""
    document = _parse_resource(caller, body, caller.tenant.groups)
    return WantedGroup(document, take_members(document))


def parse_group_patch(caller: Caller, body: Any) -> GroupPatch:
    """Raises ScimError 400 for an operation."""
    groups = caller.tenant.groups
    return plan_group_patch(_parse_patch(caller, body, groups), groups)


def _parse_resource(caller: Caller, body: Any, resource_type: ResourceType) -> JsonObject:
    if caller.tenant.strict:
        strict.check_resource(body, resource_type)
    return normalise_resource(body, resource_type)


def _parse_patch(caller: Caller, body: Any, resource_type: ResourceType) -> list[Operation]:
    if caller.tenant.strict:
        strict.check_patch(body, resource_type)
    return normalise_patch(body, resource_type)
