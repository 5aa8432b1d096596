"""Bodies of requests as the tenant reads them: tolerantly, or strictly where its configuration says so."""

from typing import Any

from scim_server.directory.caller import Caller
from scim_server.scim import strict
from scim_server.scim.normalise import normalise_patch, normalise_resource
from scim_server.scim.patch import Operation
from scim_server.scim.schema import JsonObject, ResourceType


def read_resource(caller: Caller, body: Any, resource_type: ResourceType) -> JsonObject:
    """A body of POST or PUT; see `normalise_resource`. Raises ScimError 400."""
    if caller.tenant.strict:
        strict.check_resource(body, resource_type)
    return normalise_resource(body, resource_type)


def read_patch(caller: Caller, body: Any, resource_type: ResourceType) -> list[Operation]:
    """A body of PATCH; see `normalise_patch`. Raises ScimError 400."""
    if caller.tenant.strict:
        strict.check_patch(body, resource_type)
    return normalise_patch(body, resource_type)
