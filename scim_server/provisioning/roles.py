"""The law of roles: who has which role, and why. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scim_server.provisioning.policy import Policy


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a user has a role: a rule and the group it matched, or (`source`) `base` or `fallback`.

    `group` is the display name of the group that the rule matched, which the user is in directly or through
    member groups.
    """

    mapping: str | None = None
    rule: str | None = None
    group: str | None = None
    source: str | None = None

    @property
    def order(self) -> tuple[str, str, str, str]:
        return (self.source or "", self.mapping or "", self.rule or "", self.group or "")


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A row of `user_roles`: an effective role and since when it has been held without a break."""

    role: str
    since: datetime


@dataclass(frozen=True, slots=True)
class GroupGrant:
    """A grant that reaches a user through a group (display name)."""

    role: str
    mapping: str
    rule: str
    group: str


@dataclass(frozen=True, slots=True)
class EffectiveRole:
    value: str
    since: datetime
    reasons: tuple[Reason, ...]


def reasons_of(active: bool, grants: Iterable[GroupGrant], rules: Policy) -> Mapping[str, Collection[Reason]]:
    """The law of roles: which roles a user has, and why. `storage.tables.roles` is the same law for many users at
    once.

    An active user has the roles that rules grant to the groups that reach it, those of all users (base), and where no
    rule grants it any, those for that case (fallback). An inactive one has none.
    """
    if not active:
        return {}
    reasons: dict[str, set[Reason]] = {}
    for grant in grants:
        reasons.setdefault(grant.role, set()).add(Reason(grant.mapping, grant.rule, grant.group))
    by_default = [("base", role) for role in rules.base_roles]
    if not reasons:
        by_default += [("fallback", role) for role in rules.fallback_roles]
    for source, role in by_default:
        reasons.setdefault(role, set()).add(Reason(source=source))
    return reasons


def explain(
    held: Iterable[HeldRole], active: bool, grants: Iterable[GroupGrant], rules: Policy
) -> tuple[EffectiveRole, ...]:
    """Each held role with all of its reasons; roles and reasons in order. A role that was lost, and is held only
    until it is worked off, has none."""
    reasons = reasons_of(active, grants, rules)
    return tuple(
        EffectiveRole(one.role, one.since, tuple(sorted(reasons.get(one.role, ()), key=lambda reason: reason.order)))
        for one in sorted(held, key=lambda one: one.role)
    )


def permissions_of(roles: Iterable[str], catalogue: Mapping[str, Iterable[str]]) -> list[str]:
    """The permissions of several roles, each once, sorted. `catalogue`: permissions by role name."""
    return sorted({permission for role in roles for permission in catalogue.get(role, ())})
