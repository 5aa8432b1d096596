"""What a rule that can't be used as it is declared goes on giving: a typo must not take a role away.

* A role that the catalogue has is given, whatever else the rule names.
* A role that the rule gave and still names stays when the catalogue loses it. One that it no longer names stays if
  an unknown name resembles it, so that it may be misspelt; otherwise it was taken out of the rule, and goes.
* When no role of the rule is known and none of its unknown names resembles one that it gave, all that it gave stay.
* The same holds for groups: one that the rule no longer names goes, unless a pattern that doesn't compile resembles
  it or nothing else is left.
* Nothing new is given by what stays: the groups are those that had it before.

It all ends when the rule is corrected or deleted.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from scim_operator.api.nearest import resembles
from scim_server.config import GroupSelector, RoleRule


@dataclass(frozen=True, slots=True)
class Declared:
    """A rule as it stands in its mapping. `roles` are in the catalogue, `unknown` aren't; `groups` can be used,
    `broken` are patterns that don't compile."""

    mapping: str
    name: str
    groups: tuple[GroupSelector, ...]
    broken: tuple[str, ...]
    roles: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def usable(self) -> bool:
        return bool(self.roles) and not self.broken

    def rule(self, groups: Iterable[GroupSelector], roles: Iterable[str]) -> RoleRule | None:
        """None when nothing is left of either."""
        found, given = tuple(groups), tuple(sorted(set(roles)))
        if not found or not given:
            return None
        return RoleRule(mapping=self.mapping, rule=self.name, groups=found, roles=given)


@dataclass(frozen=True, slots=True)
class InEffect:
    """`rule` is None when the rule gives nothing. `kept`: something of it is only there because it was before."""

    rule: RoleRule | None
    kept: bool

    @property
    def description(self) -> str:
        """For its author. Equal while nothing changes."""
        if self.rule is None:
            return "grants nothing"
        roles = ", ".join(self.rule.roles)
        return f"keeps granting {roles} as before" if self.kept else f"grants {roles}"


def in_effect(declared: Declared, before: RoleRule | None) -> InEffect:
    """`before` is what is delivered of the rule. With it replaced by the result, the result is the same."""
    if before is None:
        return InEffect(declared.rule(declared.groups, declared.roles) if declared.usable else None, kept=False)
    kept_roles = _kept_roles(declared, before.roles)
    if declared.broken:
        roles = (*(role for role in before.roles if role in declared.roles), *kept_roles)
        return InEffect(declared.rule(_kept_groups(declared, before.groups), roles), kept=True)
    groups = [group for group in declared.groups if group in before.groups]
    if kept_roles and groups:
        return InEffect(declared.rule(groups, (*declared.roles, *kept_roles)), kept=True)
    return InEffect(declared.rule(declared.groups, declared.roles), kept=False)


def _kept_roles(declared: Declared, before: Collection[str]) -> tuple[str, ...]:
    """Of the roles that the rule gave, those that it may mean by names that aren't in the catalogue."""
    misspelt = [name for name in declared.unknown if name not in before]
    kept = tuple(
        role
        for role in before
        if role not in declared.roles
        and (role in declared.unknown or any(resembles(name, role) for name in misspelt))
    )
    return kept or (() if declared.roles or not misspelt else tuple(before))


def _kept_groups(declared: Declared, before: Collection[GroupSelector]) -> tuple[GroupSelector, ...]:
    kept = tuple(group for group in before if group in declared.groups or _may_be_meant(group, declared.broken))
    return kept or (() if declared.groups else tuple(before))


def _may_be_meant(group: GroupSelector, broken: Iterable[str]) -> bool:
    named = (group.display_name_pattern, group.display_name, group.external_id)
    return any(resembles(one, name) for one in broken for name in named if name is not None)
