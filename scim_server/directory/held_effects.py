"""What guards keep from taking effect for one user."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from scim_server.provisioning.explain import Withheld
from scim_server.provisioning.guards import DISCARDED, HoldKind
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.roles import EffectiveRole, ReachedGroup, reasons_of
from scim_server.provisioning.rule_outcomes import Why
from scim_server.provisioning.withheld import OBSERVED
from scim_server.scim.schema import JsonObject
from scim_server.storage.protocol import Reader
from scim_server.storage.records import Hold, UserRecord


async def held_effects(
    reader: Reader,
    record: UserRecord,
    user: JsonObject,
    roles: Sequence[EffectiveRole],
    groups: Sequence[ReachedGroup],
    policy: Policy,
    now: datetime,
) -> Sequence[Withheld]:
    """The deactivation of a user who stays active, and the loss of roles that stay. `user`: as conditions see it."""
    holds = {one.hold.id: one.hold for one in await reader.holds()}
    found = [] if record.hold is None else [_deactivation(holds.get(record.hold), record.hold, policy)]
    law = reasons_of(policy, record.state, groups, policy.conditions.of(user).true, now)
    given = {(role, reason.key) for role, reasons in law.items() for reason in reasons}
    why = (
        OBSERVED
        if policy.observes
        else "; ".join(_described(hold) for hold in holds.values() if hold.kind is HoldKind.ROLES)
    )
    return [*found, *_losses(roles, given, why or "it stays by a decision, or is about to go")]


def _deactivation(hold: Hold | None, hold_id: str, policy: Policy) -> Withheld:
    state = State.BLOCKED if policy.deactivation_delay else State.DEACTIVATED
    why, sent = Why.HOLD, "the provider set the user inactive or deleted it"
    if hold_id == DISCARDED or hold is None:
        detail = f"{sent}; that was discarded, until the provider's next change"
    elif hold.kind is HoldKind.PROTECTED:
        why, detail = Why.PROTECTED, f"{sent}; the user is protected (hold {hold.id})"
    else:
        detail = f"{sent}; {_described(hold)}"
    return Withheld(value=state, why=why, detail=detail)


def _losses(
    roles: Sequence[EffectiveRole], law: set[tuple[str, tuple[str, str, str, str]]], why: str
) -> Iterator[Withheld]:
    for role in roles:
        for reason in role.reasons:
            if (role.value, reason.key) not in law:
                yield Withheld(
                    value=role.value,
                    why=Why.HOLD,
                    mapping=reason.mapping,
                    rule=reason.rule,
                    detail=f"nothing gives it any more; {why}",
                )


def _described(hold: Hold) -> str:
    until = "" if hold.expires is None else f" until {hold.expires:%Y-%m-%d %H:%M} UTC at the latest"
    return f"hold {hold.id} keeps it from taking effect{until}"
