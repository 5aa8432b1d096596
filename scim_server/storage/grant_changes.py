"""What new rules change about the grants of a tenant's groups. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from scim_server.provisioning.grants import Grant
from scim_server.provisioning.policy import Policy


@dataclass(frozen=True, slots=True)
class GrantChanges:
    """Rows of `grants` to delete and to insert, as (group id, grant)."""

    gone: tuple[tuple[str, Grant], ...]
    new: tuple[tuple[str, Grant], ...]
    losing: tuple[str, ...]
    """Groups whose members may lose a role."""
    only_gaining: tuple[str, ...]
    """Other groups whose grants are others than before: their members have roles or reasons more."""


def grant_changes(
    groups: Iterable[tuple[str, str | None, str | None]], held: Iterable[tuple[str, Grant]], policy: Policy
) -> GrantChanges:
    """`groups`: (id, displayName, externalId); `held`: the grants that the database holds."""
    before: dict[str, set[Grant]] = defaultdict(set)
    for group_id, grant in held:
        before[group_id].add(grant)
    gone: list[tuple[str, Grant]] = []
    new: list[tuple[str, Grant]] = []
    losing: list[str] = []
    only_gaining: list[str] = []
    for group_id, display_name, external_id in groups:
        old, wanted = before.get(group_id, set()), policy.grants_of(display_name, external_id, group_id)
        if old == wanted:
            continue
        gone += [(group_id, grant) for grant in sorted(old - wanted)]
        new += [(group_id, grant) for grant in sorted(wanted - old)]
        (only_gaining if only_gains(old - wanted, wanted) else losing).append(group_id)
    return GrantChanges(tuple(gone), tuple(new), tuple(losing), tuple(only_gaining))


def only_gains(gone: Collection[Grant], wanted: Collection[Grant]) -> bool:
    """Whether nobody can lose a role where grants are gone and others are wanted."""
    return all(any(grant.covers(lost) for grant in wanted) for lost in gone)
