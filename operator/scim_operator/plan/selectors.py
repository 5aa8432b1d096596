"""How mappings name groups, in the contract's words."""

from collections.abc import Iterable

from scim_operator.api import GroupRef
from scim_server.config import GroupSelector, compile_pattern


def contract_selector(group: GroupRef) -> GroupSelector:
    """Raises ValueError where its pattern doesn't compile."""
    return GroupSelector(
        external_id=group.external_id,
        id=group.id,
        display_name=group.display_name,
        display_name_pattern=group.display_name_pattern,
    )


def selector_order(group: GroupRef) -> tuple[str, str, str, str]:
    return group.external_id or "", group.id or "", group.display_name or "", group.display_name_pattern or ""


def broken_patterns(groups: Iterable[GroupRef]) -> dict[int, str]:
    """The error of each pattern that doesn't compile, by the index of its group."""
    broken = {}
    for index, group in enumerate(groups):
        if group.display_name_pattern is not None:
            try:
                compile_pattern(group.display_name_pattern)
            except ValueError as error:
                broken[index] = str(error)
    return broken
