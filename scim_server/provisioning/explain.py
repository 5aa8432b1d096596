"""Why a user has what it has, and why it doesn't have what was meant for it. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from scim_server.provisioning.cause import CauseKind
from scim_server.provisioning.events import EventType
from scim_server.provisioning.lifecycle import State
from scim_server.provisioning.profile import ComputedProfile
from scim_server.provisioning.roles import EffectiveRole, Reason
from scim_server.provisioning.rule_outcomes import Why
from scim_server.provisioning.withheld import WithheldRole
from scim_server.scim.schema import JsonObject


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, use_attribute_docstrings=True
    )


def _optional() -> Any:
    """A field that is absent where it has no value."""
    return Field(default=None, exclude_if=lambda value: value is None)


class ExplainedUser(_Part):
    id: str
    user_name: str
    external_id: str | None = None
    display_name: str | None = None


class ExplainedState(_Part):
    value: State
    since: datetime
    because: str
    """In words"""


class ExplainedReason(_Part):
    """A rule of a mapping, and the group of the user's that it names; or another source."""

    source: str | None = _optional()
    """`base`, `fallback` or `provider`"""
    mapping: str | None = _optional()
    rule: str | None = _optional()
    group: str | None = _optional()
    since: datetime | None = _optional()


class ExplainedRole(_Part):
    value: str
    since: datetime
    reasons: tuple[ExplainedReason, ...]
    sensitive: bool = Field(default=False, exclude_if=lambda value: not value)
    """The catalogue sets it apart; absent where it doesn't"""


class Withheld(_Part):
    """What was meant for the user, and why it didn't come."""

    value: str
    """A role; or a state, where a guard keeps the user from it"""
    why: Why
    mapping: str | None = None
    rule: str | None = None
    detail: str
    """In words"""


class ProfileValue(_Part):
    value: Any
    origin: str = Field(alias="from")
    """In words"""


class Explanation(_Part):
    user: ExplainedUser
    state: ExplainedState
    roles: tuple[ExplainedRole, ...]
    withheld: tuple[Withheld, ...]
    profile: dict[str, ProfileValue]
    """By target"""


def explanation_of_event(event: JsonObject, state_event: JsonObject) -> Explanation:
    """What a user was after an event, exactly. `state_event`: the one that brought its state, which may be the same.

    Nothing is known of what was withheld then, nor where the profile was from.
    """
    user = event["user"]
    return Explanation(
        user=ExplainedUser(id=user["id"], user_name=user["userName"], external_id=user["externalId"]),
        state=explained_state(state_event),
        roles=tuple(ExplainedRole.model_validate(role) for role in user["roles"]),
        withheld=(),
        profile={
            target: ProfileValue(value=value, origin="as it was recorded")
            for target, value in user["profile"].items()
        },
    )


def explained_state(event: JsonObject, deactivate_at: datetime | None = None) -> ExplainedState:
    """`event`: the one that brought the state. `deactivate_at`: of a blocked user."""
    because = f"{_VERBS.get(EventType(event['type']), 'changed')} {_by(event['cause'])}"
    if deactivate_at is not None:
        because += f"; to be deactivated at {deactivate_at:%Y-%m-%d %H:%M:%S} UTC"
    return ExplainedState(value=event["user"]["state"], since=event["time"], because=because)


_VERBS = {
    EventType.USER_CREATED: "created",
    EventType.USER_BLOCKED: "set inactive",
    EventType.USER_REACTIVATED: "set active again",
    EventType.USER_DEACTIVATED: "deactivated",
}
"""What of a user changes its state."""

STATE_EVENTS = tuple(_VERBS)


def _by(cause: JsonObject) -> str:
    match cause["kind"]:
        case CauseKind.REQUEST:
            return f"by {cause['credential']}, request {cause['requestId']}"
        case CauseKind.TIME:
            return "when the delay was over"
        case CauseKind.DECISION:
            return f"by the decision on hold {cause.get('detail')}"
        case CauseKind.HOLD:
            return f"when hold {cause.get('detail')} ended"
        case _:
            return "by a change of the configuration"


def explained_roles(roles: Iterable[EffectiveRole], sensitive: Collection[str]) -> tuple[ExplainedRole, ...]:
    """`sensitive`: the names of those roles."""
    return tuple(
        ExplainedRole(
            value=role.value,
            since=role.since,
            reasons=tuple(map(_reason, role.reasons)),
            sensitive=role.value in sensitive,
        )
        for role in roles
    )


def explained_profile(computed: ComputedProfile) -> dict[str, ProfileValue]:
    return {target: ProfileValue(value=one.value, origin=one.origin) for target, one in computed.explained.items()}


def explained_withheld(withheld: Iterable[WithheldRole]) -> tuple[Withheld, ...]:
    return tuple(
        Withheld(value=one.role, why=one.why, mapping=one.mapping, rule=one.rule, detail=one.detail)
        for one in withheld
    )


def _reason(reason: Reason) -> ExplainedReason:
    return ExplainedReason(
        source=reason.source, mapping=reason.mapping, rule=reason.rule, group=reason.group, since=reason.since
    )
