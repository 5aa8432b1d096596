"""The resource types User and Group, with a tenant's own extension schemas where it has some."""

from collections.abc import Iterable

from scim_server.scim.core_schemas import GROUP, USER
from scim_server.scim.effective_schema import EFFECTIVE_ALIAS, EFFECTIVE_URN, effective_schema
from scim_server.scim.enterprise import ENTERPRISE
from scim_server.scim.schema import ResourceType, Schema


def user_resource_type(extensions: Iterable[Schema] = (), profile_targets: Iterable[str] = ()) -> ResourceType:
    """User with the enterprise and effective extensions and the tenant's own.

    `profile_targets` are the targets of the tenant's attribute mappings: keys of the effective profile.
    """
    return ResourceType(
        "User",
        "/Users",
        "User Account",
        USER,
        (ENTERPRISE, effective_schema(profile_targets), *extensions),
        aliases=((EFFECTIVE_ALIAS, EFFECTIVE_URN),),
    )


def group_resource_type(extensions: Iterable[Schema] = ()) -> ResourceType:
    """Group with the tenant's own extensions."""
    return ResourceType("Group", "/Groups", "Group", GROUP, tuple(extensions))


USER_TYPE = user_resource_type()
GROUP_TYPE = group_resource_type()
