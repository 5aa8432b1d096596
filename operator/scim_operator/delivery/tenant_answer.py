"""What a server answers of one tenant (`GET /v1/status`), read. An answer of another form raises `WrongAnswer`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scim_operator.delivery.tenant_status import (
    ExpressionError,
    Failure,
    FormerUsers,
    Hold,
    MappingPreview,
    RoleFigures,
    TenantStatus,
    UnmatchedGroups,
    WebhookStatus,
)

_SELECTOR = ("rule", "externalId", "id", "displayName", "displayNamePattern")


class WrongAnswer(ValueError):
    """`field` is missing or of another type."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"{field} is missing or of another type")


def read_tenant(tenant: Mapping[str, Any]) -> TenantStatus:
    """Raises `WrongAnswer`."""
    users = read_object(tenant, "users")
    credentials = read_object(tenant, "credentials")
    used = {name: _time(read_object(credentials, name), "lastUsedTime") for name in credentials}
    return TenantStatus(
        active=read_integer(users, "active", 0),
        blocked=read_integer(users, "blocked", 0),
        deactivated=read_integer(users, "deactivated", 0),
        groups=read_integer(tenant, "groups", 0),
        last_sync_time=_time(tenant, "lastSyncTime"),
        last_contact_time=_time(tenant, "lastContactTime"),
        last_used={name: at for name, at in used.items() if at is not None},
        unmatched_groups=_unmatched_groups(tenant),
        previews=_previews(tenant),
        expression_errors=_expression_errors(tenant),
        former_users=_former_users(tenant),
        holds=tuple(_hold(hold) for hold in _list(tenant, "holds")) if "holds" in tenant else None,
        webhooks=tuple(_webhook(one) for one in _list(tenant, "webhooks")) if "webhooks" in tenant else None,
        last_failure=_failure(tenant),
    )


def read_integer(answer: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """Raises `WrongAnswer`."""
    value = answer.get(name, default)
    if not isinstance(value, int):
        raise WrongAnswer(name)
    return value


def read_object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Raises `WrongAnswer`."""
    value = answer.get(name) or {}
    if not isinstance(value, dict):
        raise WrongAnswer(name)
    return value


def _list(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = answer.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise WrongAnswer(name)
    return value


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise WrongAnswer(name)
    return value


def _texts(answer: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = answer.get(name) or []
    if not isinstance(value, list):
        raise WrongAnswer(name)
    return tuple(str(item) for item in value)


def _time(answer: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(answer[name]) if answer.get(name) else None
    except (TypeError, ValueError):
        raise WrongAnswer(name) from None


def _some_time(answer: Mapping[str, Any], name: str) -> datetime:
    time = _time(answer, name)
    if time is None:
        raise WrongAnswer(name)
    return time


def _former_users(tenant: Mapping[str, Any]) -> FormerUsers | None:
    former = read_object(tenant, "formerUsers")
    since = _time(former, "since")
    return FormerUsers(read_integer(former, "count"), since) if since is not None else None


def _unmatched_groups(tenant: Mapping[str, Any]) -> Mapping[str, UnmatchedGroups] | None:
    if "unmatchedGroups" not in tenant:
        return None
    found = read_object(tenant, "unmatchedGroups")
    return {mapping: _unmatched_of_mapping(read_object(found, mapping)) for mapping in found}


def _unmatched_of_mapping(unmatched: Mapping[str, Any]) -> UnmatchedGroups:
    groups = unmatched.get("groups")
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise WrongAnswer("unmatchedGroups")
    named = tuple({name: str(group[name]) for name in _SELECTOR if name in group} for group in groups)
    return UnmatchedGroups(read_integer(unmatched, "count"), named)


def _previews(tenant: Mapping[str, Any]) -> Mapping[str, MappingPreview] | None:
    if "previews" not in tenant:
        return None
    found = read_object(tenant, "previews")
    return {mapping: _preview(read_object(found, mapping)) for mapping in found}


def _preview(preview: Mapping[str, Any]) -> MappingPreview:
    return MappingPreview(
        users_gaining=read_integer(preview, "usersGaining"),
        users_losing=read_integer(preview, "usersLosing"),
        gains=_figures(read_object(preview, "gains")),
        losses=_figures(read_object(preview, "losses")),
    )


def _figures(roles: Mapping[str, Any]) -> Mapping[str, RoleFigures]:
    return {
        role: RoleFigures(read_integer(read_object(roles, role), "count"), _texts(roles[role], "examples"))
        for role in roles
    }


def _expression_errors(tenant: Mapping[str, Any]) -> Mapping[str, tuple[ExpressionError, ...]] | None:
    if "expressionErrors" not in tenant:
        return None
    found = read_object(tenant, "expressionErrors")
    return {
        mapping: tuple(
            ExpressionError(
                _text(error, "kind"), _text(error, "name"), _text(error, "reason"), read_integer(error, "users")
            )
            for error in _list(found, mapping)
        )
        for mapping in found
    }


def _hold(hold: Mapping[str, Any]) -> Hold:
    return Hold(
        id=_text(hold, "id"),
        kind=_text(hold, "kind"),
        count=read_integer(hold, "count"),
        since=_some_time(hold, "since"),
        expires=_time(hold, "expires"),
        users=_texts(hold, "users"),
    )


def _webhook(webhook: Mapping[str, Any]) -> WebhookStatus:
    failure = read_object(webhook, "lastFailure")
    return WebhookStatus(
        name=_text(webhook, "name"),
        state=_text(webhook, "state"),
        pending=read_integer(webhook, "pending", 0),
        last_delivery=_time(webhook, "lastDelivery"),
        last_failure=_time(failure, "time"),
        failure_reason=str(failure.get("reason") or ""),
    )


def _failure(tenant: Mapping[str, Any]) -> Failure | None:
    failure = read_object(tenant, "lastFailure")
    if not failure:
        return None
    return Failure(
        time=_some_time(failure, "time"),
        credential=str(failure.get("credential") or ""),
        operation=_text(failure, "operation"),
        reason=_text(failure, "reason"),
        request_id=str(failure.get("requestId") or ""),
    )
