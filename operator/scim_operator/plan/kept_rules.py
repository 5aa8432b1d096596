"""What a rule that can't be used as it is declared goes on giving: a typo must not take a role away.

* A role that the catalogue has is given, whatever else the rule names.
* A role that the rule gave and still names stays when the catalogue loses it. One that it no longer names stays if
  an unknown name resembles it, so that it may be misspelt; otherwise it was taken out of the rule, and goes.
* When no role of the rule is known and none of its unknown names resembles one that it gave, all that it gave stay.
* The same holds for groups: one that the rule no longer names goes, unless a pattern that doesn't compile resembles
  it or nothing else is left.
* A condition that can't be used is as if it hadn't changed: the one that was in effect stays, and so does the lack of
  one.
* Nothing new is given by what stays: the groups are those that had it before, and both conditions and both windows
  hold.
* A rule of a mapping with `mode: Preview` gives nothing, so nothing of it stays.

It all ends when the rule is corrected or deleted.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from scim_operator.api.nearest import resembles
from scim_operator.plan.expressions import expression_error
from scim_server.config import GroupSelector, RoleRule

_LONGEST_CONDITION = 2048


class Window(NamedTuple):
    """When a rule gives its roles. None: no bound."""

    not_before: datetime | None = None
    not_after: datetime | None = None

    def within(self, other: "Window") -> "Window | None":
        """The time that is in both; None: there is none."""
        starts = [time for time in (self.not_before, other.not_before) if time is not None]
        ends = [time for time in (self.not_after, other.not_after) if time is not None]
        both = Window(max(starts, default=None), min(ends, default=None))
        empty = both.not_before is not None and both.not_after is not None and both.not_before >= both.not_after
        return None if empty else both


ALWAYS = Window()


class Reach(NamedTuple):
    """Whom a rule is for: members of any of `groups`, or everybody where there are none, of whom `when` is true,
    within `window`."""

    groups: tuple[GroupSelector, ...]
    when: str | None
    window: Window


@dataclass(frozen=True, slots=True)
class Declared:
    """A rule as it stands in its mapping. `roles` are in the catalogue, `unknown` aren't; `groups` can be used,
    `broken` are patterns that don't compile. `when` is None also where it can't be used (`when_broken`)."""

    mapping: str
    name: str
    groups: tuple[GroupSelector, ...]
    broken: tuple[str, ...]
    roles: tuple[str, ...]
    unknown: tuple[str, ...]
    when: str | None = None
    when_broken: bool = False
    window: Window = ALWAYS
    preview: bool = False

    @property
    def usable(self) -> bool:
        return bool(self.roles) and not self.broken and not self.when_broken

    @property
    def names_groups(self) -> bool:
        return bool(self.groups or self.broken)

    def whole(self, roles: Iterable[str]) -> RoleRule | None:
        """For everybody whom it is declared for. Only for one whose groups and condition can be used."""
        return self.rule(Reach(self.groups, self.when, self.window), roles)

    def rule(self, reach: Reach, roles: Iterable[str]) -> RoleRule | None:
        """None when there are no roles, or when it would be for everybody."""
        given = tuple(sorted(set(roles)))
        if not given or not (reach.groups or reach.when):
            return None
        return RoleRule(
            mapping=self.mapping,
            rule=self.name,
            groups=reach.groups,
            when=reach.when,
            roles=given,
            not_before=reach.window.not_before,
            not_after=reach.window.not_after,
            preview=self.preview,
        )


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
        if self.rule.preview:
            return f"previews {roles}"
        return f"keeps granting {roles} as before" if self.kept else f"grants {roles}"


def in_effect(declared: Declared, before: RoleRule | None) -> InEffect:
    """`before` is what is delivered of the rule. With it replaced by the result, the result is the same."""
    if before is None or before.preview or declared.preview:
        return InEffect(declared.whole(declared.roles) if declared.usable else None, kept=False)
    kept_roles = _kept_roles(declared, before.roles)
    if declared.broken or declared.when_broken:
        reach = _kept_reach(declared, before)
        roles = (*(role for role in before.roles if role in declared.roles), *kept_roles)
        return InEffect(declared.rule(reach, roles) if reach is not None else None, kept=True)
    if kept_roles and (reach := _kept_reach(declared, before)) is not None:
        return InEffect(declared.rule(reach, (*declared.roles, *kept_roles)), kept=True)
    return InEffect(declared.whole(declared.roles), kept=False)


def _kept_reach(declared: Declared, before: RoleRule) -> Reach | None:
    """Those of whom `before` was whom the rule may still be for. None: there can't be any."""
    groups = _groups_of_both(declared, before.groups)
    window = declared.window.within(Window(before.not_before, before.not_after))
    if groups is None or window is None:
        return None
    if declared.when_broken or declared.when is None:
        return Reach(groups, before.when, window)
    when = _both_conditions(before.when, declared.when)
    return Reach(groups, when, window) if when is not None else None


def _groups_of_both(declared: Declared, before: tuple[GroupSelector, ...]) -> tuple[GroupSelector, ...] | None:
    if not before:  # it was for everybody of whom its condition was true
        return () if declared.broken else declared.groups
    if not declared.names_groups:
        return before
    if declared.broken:
        return _kept_groups(declared, before) or None  # none would be everybody
    return tuple(group for group in before if group in declared.groups) or None


def _both_conditions(before: str | None, declared: str) -> str | None:
    """A condition that is true where both are; None where it would be too long. Equal to `before` where that has
    `declared` as a part already."""
    if before is None or before == declared or _has_part(before, declared):
        return before or declared
    both = _conjunction(before, declared)
    return both if len(both) <= _LONGEST_CONDITION and expression_error(both) is None else None


def _has_part(both: str, declared: str) -> bool:
    """Whether `both` was made of another condition and `declared`."""
    empty = _conjunction("", declared)
    first = both[1 : len(both) - len(empty) + 1]
    return both == _conjunction(first, declared) and expression_error(first) is None


def _conjunction(first: str, second: str) -> str:
    """The lines' ends are for conditions that end with a comment."""
    return f"({first}\n) && ({second}\n)"


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
    named = (group.display_name_pattern, group.display_name, group.external_id, group.id)
    return any(resembles(one, name) for one in broken for name in named if name is not None)
