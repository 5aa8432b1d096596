"""The law of roles: who has which role, and why. Pure.

`storage.tables.roles` is the same law for many users at once, over tables. A model test holds the two together.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from scim_server.provisioning.grants import Grant, Source
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.scim.schema import JsonObject


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a user has a role: a rule and the group it matched, or a `source` (base, fallback, provider).

    `group` is the display name of the group, which the user is in directly or through member groups; a rule without
    groups has none. `since`: the reason has held without a break.
    """

    mapping: str | None = None
    rule: str | None = None
    group: str | None = None
    source: str | None = None
    since: datetime | None = None
    group_id: str | None = None

    @property
    def order(self) -> tuple[str, str, str, str, str]:
        return (self.source or "", self.mapping or "", self.rule or "", self.group or "", self.group_id or "")

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells two reasons for a role apart: source, mapping, rule and the group's id."""
        return (self.source or "", self.mapping or "", self.rule or "", self.group_id or "")


@dataclass(frozen=True, slots=True)
class EffectiveRole:
    value: str
    since: datetime
    """It has been held without a break, for whatever reasons."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ReachedGroup:
    """A group that a user is in, directly or through member groups."""

    id: str
    display_name: str | None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant that rules no longer give, and whose loss is held: it keeps reasons, and never makes one."""

    role: str
    mapping: str = ""
    rule: str = ""
    source: str = ""
    group_id: str | None = None
    """None: of all users."""


def reasons_of(
    policy: Policy,
    state: State,
    groups: Iterable[ReachedGroup],
    verdicts: Collection[str],
    now: datetime,
    *,
    before: Mapping[str, Collection[Reason]] | None = None,
    held: Iterable[HeldGrant] = (),
) -> Mapping[str, frozenset[Reason]]:
    """The roles that a user has, each with its reasons.

    An active user has every role that a rule gives: to a group that reaches the user, or to all users; while its
    window is open, and where its condition is among the true ones (`verdicts`). So it has the roles that the provider
    sends, where the tenant accepts them, and those of all users (base). Where no rule gives it any role it has those
    for that case (fallback). A user who isn't active has none.

    `before`: the reasons until now. Those stay that a held grant still reaches.
    """
    if state is not State.ACTIVE:
        return {}
    reached = [*groups]
    found: dict[str, set[Reason]] = {}
    for role, reason in _given(policy, reached, verdicts, now):
        found.setdefault(role, set()).add(reason)
    for role, reason in _kept(reached, before or {}, frozenset(held)):
        if all(one.key != reason.key for one in found.get(role, ())):
            found.setdefault(role, set()).add(reason)
    is_mapped = any(reason.source is None for reasons in found.values() for reason in reasons)
    for role in policy.base_roles:
        found.setdefault(role, set()).add(Reason(source=Source.BASE))
    for role in () if is_mapped else policy.fallback_roles:
        found.setdefault(role, set()).add(Reason(source=Source.FALLBACK))
    return {role: frozenset(reasons) for role, reasons in found.items()}


def _given(
    policy: Policy, groups: Iterable[ReachedGroup], verdicts: Collection[str], now: datetime
) -> Iterator[tuple[str, Reason]]:
    def is_given(grant: Grant) -> bool:
        return grant.is_open(now) and (not grant.condition or grant.condition in verdicts)

    for grant in filter(is_given, policy.general_grants):
        if grant.source is Source.RULE:
            yield grant.role, Reason(grant.mapping, grant.rule)
        else:
            yield grant.role, Reason(source=grant.source)
    for group in groups:
        for grant in filter(is_given, policy.grants_of(group.display_name, group.external_id, group.id)):
            yield grant.role, Reason(grant.mapping, grant.rule, group.display_name, group_id=group.id)


def _kept(
    groups: Iterable[ReachedGroup], before: Mapping[str, Collection[Reason]], held: Collection[HeldGrant]
) -> Iterator[tuple[str, Reason]]:
    reached = {None, *(group.id for group in groups)}
    for role, reasons in before.items():
        for reason in reasons:
            grant = HeldGrant(role, reason.mapping or "", reason.rule or "", reason.source or "", reason.group_id)
            if grant in held and reason.group_id in reached:
                yield role, reason


@dataclass(frozen=True, slots=True)
class FirstReasons:
    """What a new user begins with."""

    verdicts: frozenset[str]
    """The conditions that hold for it."""
    failures: Mapping[str, str]
    by_role: Mapping[str, frozenset[Reason]]


def first_roles(policy: Policy, user: JsonObject, state: State, now: datetime) -> FirstReasons:
    """Of a new user, who is in no group: the one law, for both ways in which a user is inserted.

    `user`: as conditions see it. `now` matters only where `policy.has_general_windows`: then it is the database's.
    """
    verdicts = policy.conditions.of(user)
    return FirstReasons(verdicts.true, verdicts.failures, reasons_of(policy, state, (), verdicts.true, now))


def permissions_of(roles: Iterable[str], catalogue: Mapping[str, Iterable[str]]) -> list[str]:
    """The permissions of several roles, each once, sorted. `catalogue`: permissions by role name."""
    return sorted({permission for role in roles for permission in catalogue.get(role, ())})
