"""What a user effectively is: state, roles with reasons, permissions. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scim_server.provisioning.grants import RoleRules


class State(StrEnum):
    """The life of a user. `deactivated` follows `blocked` after the tenant's delay."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"


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


def state_of(active: bool, blocked_at: datetime | None, delay: timedelta, now: datetime) -> State:
    """`blocked_at` is when the user was last set inactive, or created inactive."""
    if active:
        return State.ACTIVE
    if blocked_at is not None and now - blocked_at < delay:
        return State.BLOCKED
    return State.DEACTIVATED


def explain(held: Iterable[HeldRole], grants: Iterable[GroupGrant], rules: RoleRules) -> tuple[EffectiveRole, ...]:
    """Each held role with all of its reasons; roles and reasons in order."""
    by_role: dict[str, set[Reason]] = {}
    for grant in grants:
        by_role.setdefault(grant.role, set()).add(Reason(grant.mapping, grant.rule, grant.group))
    mapped = bool(by_role)
    for role in rules.base_roles:
        by_role.setdefault(role, set()).add(Reason(source="base"))
    if not mapped:
        for role in rules.fallback_roles:
            by_role.setdefault(role, set()).add(Reason(source="fallback"))
    return tuple(
        EffectiveRole(one.role, one.since, tuple(sorted(by_role.get(one.role, ()), key=lambda reason: reason.order)))
        for one in sorted(held, key=lambda one: one.role)
    )


def permissions_of(roles: Iterable[str], catalogue: Mapping[str, Iterable[str]]) -> list[str]:
    """The permissions of several roles, each once, sorted. `catalogue`: permissions by role name."""
    return sorted({permission for role in roles for permission in catalogue.get(role, ())})
