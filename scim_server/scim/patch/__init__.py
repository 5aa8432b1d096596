"""PATCH (RFC 7644 §3.5.2): operations become a changed document and, for groups, a delta of members."""

from scim_server.scim.patch.document import apply_to_document, is_costly
from scim_server.scim.patch.members import GroupPatch, MembersDelta, plan_group_patch
from scim_server.scim.patch.operation import Operation, OperationName

__all__ = [
    "GroupPatch",
    "MembersDelta",
    "Operation",
    "OperationName",
    "apply_to_document",
    "is_costly",
    "plan_group_patch",
]
