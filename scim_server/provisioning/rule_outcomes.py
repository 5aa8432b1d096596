"""What each rule of a policy comes to for one user. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scim_server.config import RoleRule
from scim_server.provisioning.expressions import ExpressionFailed, expression_of
from scim_server.provisioning.group_names import GroupNames, selects
from scim_server.provisioning.policy import Policy
from scim_server.scim.schema import JsonObject


class Why(StrEnum):
    """Why a user doesn't have what was meant for it."""

    CONDITION = "condition"
    """The rule's `when` is not true of the user."""
    WINDOW = "window"
    """The rule gives nothing yet, or no longer."""
    PREVIEW = "preview"
    """The mapping is in mode Preview."""
    BLOCKED = "blocked"
    """The user is not active."""
    HOLD = "hold"
    """A guard holds a change."""
    PROTECTED = "protected"
    """No provider can block the user."""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """A rule that names the user, by a group or because it needs none."""

    rule: RoleRule
    withheld: Why | None
    """None: it gives its roles to an active user."""
    detail: str
    """In words."""


def outcomes(policy: Policy, user: JsonObject, groups: Sequence[GroupNames], now: datetime) -> Iterator[RuleOutcome]:
    """`user`: the SCIM resource as conditions see it. `groups`: those that it is in, directly or through others."""
    for rule in policy.config.rules:
        if not rule.groups or any(selects(selector, group) for selector in rule.groups for group in groups):
            yield RuleOutcome(rule, *_withheld(rule, user, now))


def _withheld(rule: RoleRule, user: JsonObject, now: datetime) -> tuple[Why | None, str]:
    if rule.when is not None and (untrue := _untrue(rule.when, user)) is not None:
        return Why.CONDITION, untrue
    if rule.not_before is not None and now < rule.not_before:
        return Why.WINDOW, f"the rule gives it from {_shown(rule.not_before)} on"
    if rule.not_after is not None and now >= rule.not_after:
        return Why.WINDOW, f"the rule gave it until {_shown(rule.not_after)}"
    if rule.preview:
        return Why.PREVIEW, "the mapping is in mode Preview"
    return None, ""


def _untrue(condition: str, user: JsonObject) -> str | None:
    """None where it is true."""
    try:
        if expression_of(condition).holds(user):
            return None
    except ExpressionFailed as failed:
        return f"the condition fails ({failed.reason}): {condition}"
    return f"the condition is not true of the user: {condition}"


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
