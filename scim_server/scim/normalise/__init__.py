"""The tolerant reading of what identity providers send: every body becomes canonical before anything else sees it.

Each rule is a small function named after what it tolerates; its docstring says who sends that. What is still of the
wrong type afterwards is a 400 that names the attribute and what was expected.

`scalars` single values · `attributes` complex and multi-valued ones · `members` of groups · `resource_body`
POST and PUT · `patch_body` PATCH.
"""

from scim_server.scim.normalise.members import take_members
from scim_server.scim.normalise.patch_body import normalise_patch
from scim_server.scim.normalise.resource_body import normalise_resource

__all__ = ["normalise_patch", "normalise_resource", "take_members"]
