"""What servers tell of a tenant, as fields of statuses and in words. Pure."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from scim_operator.api import reasons
from scim_operator.api.conditions import format_time
from scim_operator.delivery import Hold, MappingPreview, TenantStatus, UnmatchedGroups, WebhookStatus
from scim_operator.delivery.tenant_status import ExpressionError, Failure, RoleFigures

_MOST_HOLDS = 16
_MOST_USERS = 10
_MOST_ROLES = 32
_MOST_ERRORS = 20
_LONGEST = 1024
_NAMED = 5
"""So many groups or rules a message names."""

WEBHOOK_ACTIVE = "Active"

_KINDS = {
    "deactivations": (reasons.DEACTIVATIONS_HELD, "deactivations beyond safety.maxDeactivations wait"),
    "roles": (reasons.ROLE_CHANGES_HELD, "lost roles beyond safety.maxRoleChanges wait"),
    "protected": (reasons.USERS_PROTECTED, "users of safety.protectedUsers stay as they are"),
}
"""By kind of hold: the reason, and what to say."""


def hold_fields(holds: Iterable[Hold]) -> list[dict[str, Any]]:
    return [_hold(hold) for hold in [*holds][:_MOST_HOLDS]]


def _hold(hold: Hold) -> dict[str, Any]:
    field: dict[str, Any] = {
        "id": hold.id,
        "kind": hold.kind,
        "count": hold.count,
        "since": format_time(hold.since),
    }
    if hold.expires is not None:
        field["expires"] = format_time(hold.expires)
    return field | ({"users": list(hold.users[:_MOST_USERS])} if hold.users else {})


def held_reason(holds: Sequence[Hold]) -> str:
    return _KINDS.get(holds[0].kind, (reasons.HELD, ""))[0]


def held_message(holds: Sequence[Hold]) -> str:
    """Without counts and times, which stand in `status.holds`: equal while the holds are the same."""
    said = [f"hold {hold.id}: {_KINDS.get(hold.kind, ('', 'effects wait'))[1]}" for hold in holds[:_MOST_HOLDS]]
    decided = [hold for hold in holds if hold.kind != "protected"]
    hint = ["safety.decisions decides; status.holds says whom it concerns, and until when"] if decided else []
    return "; ".join([*said, *hint])


def webhook_fields(webhooks: Iterable[WebhookStatus]) -> list[dict[str, Any]]:
    return [_webhook(webhook) for webhook in webhooks]


def _webhook(webhook: WebhookStatus) -> dict[str, Any]:
    field: dict[str, Any] = {"name": webhook.name, "state": webhook.state, "pending": webhook.pending}
    if webhook.last_delivery is not None:
        field["lastDeliveryTime"] = format_time(webhook.last_delivery)
    if webhook.last_failure is not None:
        reason = webhook.failure_reason[:_LONGEST]
        field["lastFailure"] = {"time": format_time(webhook.last_failure), "reason": reason}
    return field


def failure_field(failure: Failure) -> dict[str, str]:
    return {
        "time": format_time(failure.time),
        "credential": failure.credential,
        "operation": failure.operation[:_LONGEST],
        "reason": failure.reason[:_LONGEST],
        "requestId": failure.request_id,
    }


def preview_field(preview: MappingPreview) -> dict[str, Any]:
    return {
        "usersGaining": preview.users_gaining,
        "usersLosing": preview.users_losing,
        "gains": _figures(preview.gains),
        "losses": _figures(preview.losses),
    }


def _figures(roles: Mapping[str, RoleFigures]) -> list[dict[str, Any]]:
    return [
        {"role": role, "count": roles[role].count, "users": list(roles[role].users[:_MOST_USERS])}
        for role in sorted(roles)[:_MOST_ROLES]
    ]


def error_fields(errors: Iterable[ExpressionError]) -> list[dict[str, Any]]:
    return [
        {"name": error.name, "reason": error.reason[:_LONGEST], "users": error.users}
        for error in [*errors][:_MOST_ERRORS]
    ]


def errors_message(errors: Sequence[ExpressionError]) -> str:
    said = [f'{error.kind} "{error.name}": {error.reason}' for error in errors[:_NAMED]]
    return "; ".join([*said, "users for whom an expression fails have no value by it"])


def unmatched_message(unmatched: UnmatchedGroups) -> str:
    """Equal while the groups are the same."""
    said = []
    for group in unmatched.groups[:_NAMED]:
        how, named = next(((key, group[key]) for key in group if key != "rule"), ("group", "?"))
        said.append(f'rule "{group.get("rule", "?")}": no provider has sent a group with {how} "{named}"')
    if unmatched.count > len(said):
        said.append("there are more: see status.unmatchedGroups")
    return "; ".join(said)


def urgent_facts(tenant: TenantStatus) -> Hashable:
    """What a status should say soon once it is another."""
    holds = tuple((hold.id, hold.kind) for hold in tenant.holds or ())
    return holds, tuple((webhook.name, webhook.state) for webhook in tenant.webhooks or ())


def mapping_facts(tenant: TenantStatus) -> Any:
    """What statuses of mappings say, to be compared."""
    return tenant.unmatched_groups or {}, tenant.previews or {}, tenant.expression_errors or {}
