"""What a request did, in words: the column `operation` of the sync log. Pure.

A request that was taken is named by what really changed, so that a PATCH is `deactivate user`, `add 3 members` or
`no change`. One that was refused is named by what it asked for, as far as its method tells.
"""

from collections.abc import Collection

from scim_server.storage.effects import (
    DeletionKept,
    Effect,
    GroupCreated,
    GroupDeleted,
    GroupMembersChanged,
    GroupUpdated,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from scim_server.storage.records import MembersChanged

NO_CHANGE = "no change"
"""What the request asked for was so already: a provider's repeat."""

_ASKED_FOR = {"POST": "create", "PUT": "replace", "PATCH": "update", "DELETE": "delete"}


def operation_asked_for(method: str, resource_type: str) -> str:
    """Of a request that was refused. `resource_type`: `User`, `Group` or `Bulk`; something else where there
    is no such endpoint."""
    if resource_type == "Bulk":
        return "bulk request"
    verb = _ASKED_FOR.get(method)
    if verb is None or resource_type not in ("User", "Group"):
        return "unknown request"
    return f"{verb} {resource_type.lower()}"


def operation_done(effects: Collection[Effect]) -> str:
    """Of one request, or of one operation of a bulk request."""
    of_group: list[str] = []
    created = False
    members = MembersChanged()
    for effect in effects:
        match effect:
            case UserCreated():
                return "create user"
            case UserDeleted() | DeletionKept():
                return "delete user"
            case UserUpdated(before=before, user=user):
                if before.active and not user.active:
                    return "deactivate user"
                return "update user" if before.active == user.active else "reactivate user"
            case GroupDeleted():
                return "delete group"
            case GroupCreated():
                created = True
            case GroupUpdated(before=group, group=after):
                renamed = group.document.get("displayName") != after.document.get("displayName")
                of_group.append("rename group" if renamed else "update group")
            case GroupMembersChanged(members=members):
                pass
            case _:
                pass
    added = len(members.added_users) + len(members.added_groups)
    removed = len(members.removed_users) + len(members.removed_groups)
    if created:
        return f"create group with {counted(added, 'member')}" if added else "create group"
    if added:
        of_group.append(f"add {counted(added, 'member')}")
    if removed:
        of_group.append(f"remove {counted(removed, 'member')}")
    return ", ".join(of_group) or NO_CHANGE


def counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
