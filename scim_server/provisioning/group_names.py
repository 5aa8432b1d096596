"""What a selector knows a group by."""

from dataclasses import dataclass

from scim_server.config import GroupSelector, compile_pattern
from scim_server.folding import identity_of


@dataclass(frozen=True, slots=True)
class GroupNames:
    id: str
    display_name: str | None
    external_id: str | None


def selects(selector: GroupSelector, group: GroupNames) -> bool:
    """Whether the selector names the group."""
    if selector.external_id is not None:
        return selector.external_id == group.external_id
    if selector.id is not None:
        return selector.id.lower() == group.id
    if group.display_name is None:
        return False
    if selector.display_name is not None:
        return identity_of(selector.display_name) == identity_of(group.display_name)
    pattern = selector.display_name_pattern
    return pattern is not None and compile_pattern(pattern).fullmatch(group.display_name) is not None
