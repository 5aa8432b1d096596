"""Step 6, the pure half: what the statuses of a config and its mappings should be, and whether to write them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scim_operator.api import ROLE_MAPPING, Condition, ObjectKey, reasons, set_conditions
from scim_operator.api.conditions import format_time
from scim_operator.api.constants import WATCH_LABEL
from scim_operator.delivery import DeliveryReport, Progress, TenantStatus
from scim_operator.plan import ConfigVerdict, CredentialStatus, MappingVerdict
from scim_operator.reconcile.told import (
    error_fields,
    errors_message,
    failure_field,
    held_message,
    held_reason,
    hold_fields,
    preview_field,
    unmatched_message,
    webhook_fields,
)

Status = dict[str, Any]

_CONFIG_CONDITIONS = frozenset(
    (reasons.READY, reasons.RECONCILING, reasons.STALLED, reasons.RESOLVED_REFS, reasons.PROGRAMMED)
)
_MAPPING_CONDITIONS = frozenset((reasons.ACCEPTED, reasons.PROGRAMMED, reasons.READY, reasons.STALLED))
_WHILE_IT_IS_SO = frozenset((reasons.HELD, reasons.GROUP_NOT_FOUND, reasons.EXPRESSION_FAILED))
"""Types that are there only while they are true."""

OWN_CONDITIONS = _CONFIG_CONDITIONS | _MAPPING_CONDITIONS | _WHILE_IT_IS_SO
"""Types of all conditions that the operator sets; others are other controllers'."""

_COUNTERS = frozenset(
    (
        *("users", "groups", "lastSyncTime", "lastContactTime", "formerUsers", "holds", "webhooks", "lastFailure"),
        *("unmatchedGroups", "preview", "expressionErrors"),
    )
)
"""Fields that follow what identity providers send. They alone are no reason to write more than once a minute."""

_LAST_USED = "lastUsedTime"
"""Of a credential: a counter too, though within `credentials`."""

_CONTACT_GRANULARITY = timedelta(minutes=1)
"""Contacts alone are no reason to write while what is said of them is less than this behind."""

_REASONS = {
    Progress.PROGRAMMED: reasons.SUCCEEDED,
    Progress.APPLYING: reasons.IN_PROGRESS,
    Progress.STALE: reasons.IN_PROGRESS,
    Progress.WAITING: reasons.IN_PROGRESS,
    Progress.REFUSED: reasons.REPLICA_REJECTED,
    Progress.UNAVAILABLE: reasons.REPLICA_UNAVAILABLE,
    Progress.NO_REPLICAS: reasons.NO_REPLICAS,
}


@dataclass(frozen=True, slots=True)
class Programmed:
    """Whether the servers run it: the condition, and whether the operator is still at it."""

    condition: Condition
    under_way: bool


def programmed(report: DeliveryReport) -> Programmed:
    done = report.progress is Progress.PROGRAMMED
    condition = Condition.of(reasons.PROGRAMMED, done, _REASONS[report.progress], report.message)
    return Programmed(condition, under_way=not done)


def shard_full(message: str, delivered: Programmed) -> Programmed:
    """Not everything fits into the shard, and only less configuration helps. What fits is `delivered`."""
    condition = Condition.of(reasons.PROGRAMMED, False, reasons.SHARD_FULL, message)
    return Programmed(condition, delivered.under_way)


def config_status(
    raw: Mapping[str, Any],
    verdict: ConfigVerdict,
    delivered: Programmed,
    *,
    revision: int,
    endpoint: str,
    tenant: TenantStatus | None,
    now: datetime,
    secrets_note: str = "",
) -> Status:
    """The status of the ProvisioningConfig `raw`. `revision`: when its part of the shard last changed.
    `secrets_note`: how late a change of its Secrets acts."""
    existing = raw.get("status") or {}
    stalled = verdict.stalled
    resolved = verdict.resolved_refs
    if secrets_note:
        resolved = replace(resolved, message=f"{resolved.message}; {secrets_note}")
    condition = delivered.condition
    if stalled.is_true:
        # What runs is what was delivered before: not this spec.
        condition = Condition.of(reasons.PROGRAMMED, False, stalled.reason, stalled.message)
    under_way = delivered.under_way and not stalled.is_true
    conditions = (
        _ready(stalled, verdict.resolved_refs, condition, verdict.mappings_ready),
        Condition.of(
            reasons.RECONCILING,
            under_way,
            reasons.IN_PROGRESS if under_way else reasons.SUCCEEDED,
            condition.message if under_way else "nothing is left to be done",
        ),
        stalled,
        resolved,
        condition,
        *_held(tenant),
    )
    own = _CONFIG_CONDITIONS | _kept_types(tenant is None or tenant.holds is None, conditions)
    status: Status = {
        "observedGeneration": raw["metadata"]["generation"],
        "conditions": _conditions(raw, conditions, own, now),
        "revision": revision,
        "endpoint": endpoint,
        "mappings": verdict.mappings,
        "credentials": [_credential(credential) for credential in verdict.credentials],
    }
    return with_counters(status, counters_in(existing) if tenant is None else counters_of(tenant))


def _held(tenant: TenantStatus | None) -> Iterable[Condition]:
    if tenant is not None and tenant.holds:
        yield Condition.of(reasons.HELD, True, held_reason(tenant.holds), held_message(tenant.holds))


def _kept_types(untold: bool, conditions: Iterable[Condition]) -> frozenset[str]:
    """Types of conditions that are there only while they are true, and stay: those that are, and all of them where no
    server tells."""
    return _WHILE_IT_IS_SO if untold else _WHILE_IT_IS_SO & {condition.type for condition in conditions}


def counters_in(status: Mapping[str, Any]) -> Status:
    """What of a status follows what identity providers send: fields, and by credential when it was used last."""
    counters = {name: status[name] for name in _COUNTERS if name in status}
    used = {item["name"]: item[_LAST_USED] for item in status.get("credentials") or () if _LAST_USED in item}
    return counters | ({_LAST_USED: used} if used else {})


def counter_fields(status: Mapping[str, Any]) -> Status:
    """The fields that have to be written for the counters alone."""
    return {name: value for name, value in status.items() if name in _COUNTERS or name == "credentials"}


def without_counters(status: Mapping[str, Any]) -> Status:
    return with_counters(status, {})


def with_counters(status: Mapping[str, Any], counters: Status) -> Status:
    """`status` with `counters`, as `counters_in` and `counters_of` give them, and no others."""
    used = counters.get(_LAST_USED, {})
    result = {name: value for name, value in status.items() if name not in _COUNTERS} | counters
    result.pop(_LAST_USED, None)
    if "credentials" in status:
        result["credentials"] = [_used(item, used.get(item["name"])) for item in status["credentials"]]
    return result


def _used(credential: Mapping[str, str], at: str | None) -> dict[str, str]:
    rest = {name: value for name, value in credential.items() if name != _LAST_USED}
    return rest | ({_LAST_USED: at} if at is not None else {})


def counters_of(tenant: TenantStatus) -> Status:
    counters: Status = {
        "users": {"active": tenant.active, "blocked": tenant.blocked, "deactivated": tenant.deactivated},
        "groups": tenant.groups,
    }
    if tenant.holds:
        counters["holds"] = hold_fields(tenant.holds)
    if tenant.webhooks:
        counters["webhooks"] = webhook_fields(tenant.webhooks)
    if tenant.last_failure is not None:
        counters["lastFailure"] = failure_field(tenant.last_failure)
    if tenant.last_sync_time is not None:
        counters["lastSyncTime"] = format_time(tenant.last_sync_time)
    if tenant.last_contact_time is not None:
        counters["lastContactTime"] = format_time(tenant.last_contact_time)
    if tenant.last_used:
        counters[_LAST_USED] = {name: format_time(used) for name, used in tenant.last_used.items()}
    if tenant.former_users is not None:
        former = tenant.former_users
        counters["formerUsers"] = {"count": former.count, "since": format_time(former.since)}
    return counters


def secrets_note(unwatched: Iterable[ObjectKey], *, watching: bool) -> str:
    """What to say of Secrets whose change no event tells; empty when there is none."""
    names = ", ".join(str(key) for key in sorted(unwatched))
    if not names:
        return ""
    why = f'without the label {WATCH_LABEL}: "true"' if watching else "the operator doesn't watch Secrets"
    return f"a change of Secret {names} acts within 10 minutes ({why})"


def _credential(credential: CredentialStatus) -> dict[str, str]:
    expiry = {"expiresAt": format_time(credential.expires_at)} if credential.expires_at is not None else {}
    return {"name": credential.name} | expiry


def mapping_status(
    raw: Mapping[str, Any],
    verdict: MappingVerdict,
    delivered: Programmed,
    now: datetime,
    tenant: TenantStatus | None = None,
    kind: str = ROLE_MAPPING,
) -> Status:
    """Of a RoleMapping or an AttributeMapping."""
    condition = delivered.condition
    if not verdict.in_effect:
        message = "nothing of this mapping is in effect"
        condition = Condition.of(reasons.PROGRAMMED, False, reasons.NOT_ACCEPTED, message)
    existing, told = raw.get("status") or {}, _told_of_mapping(kind, str(ObjectKey.of(raw)), tenant)
    counters = {name: existing[name] for name in _COUNTERS if name in existing} if told is None else told.fields
    conditions = (
        _ready(verdict.condition, condition),
        verdict.stalled,
        verdict.condition,
        condition,
        *(told.conditions if told is not None and verdict.in_effect else ()),
    )
    own = _MAPPING_CONDITIONS | _kept_types(told is None and verdict.in_effect, conditions)
    status: Status = {
        "observedGeneration": raw["metadata"]["generation"],
        "conditions": _conditions(raw, conditions, own, now),
    }
    return status | (counters if verdict.in_effect else {})


@dataclass(frozen=True, slots=True)
class _ToldOfMapping:
    fields: Status
    conditions: tuple[Condition, ...]


def _told_of_mapping(kind: str, name: str, tenant: TenantStatus | None) -> _ToldOfMapping | None:
    """None: no server tells, so that what was said last stays."""
    if tenant is None or tenant.unmatched_groups is None:
        return None
    of_roles = kind == ROLE_MAPPING
    fields: Status = {}
    conditions: list[Condition] = []
    unmatched = tenant.unmatched_groups.get(name) if of_roles else None
    if unmatched is not None:
        fields["unmatchedGroups"] = {"count": unmatched.count, "groups": [dict(each) for each in unmatched.groups]}
        message = unmatched_message(unmatched)
        conditions.append(Condition.of(reasons.GROUP_NOT_FOUND, True, reasons.GROUP_NOT_FOUND, message))
    preview = (tenant.previews or {}).get(name) if of_roles else None
    if preview is not None:
        fields["preview"] = preview_field(preview)
    of_kind = "rule" if of_roles else "target"
    errors = [error for error in (tenant.expression_errors or {}).get(name, ()) if error.kind == of_kind]
    if errors:
        fields["expressionErrors"] = error_fields(errors)
        message = errors_message(errors)
        conditions.append(Condition.of(reasons.EXPRESSION_FAILED, True, reasons.EXPRESSION_FAILED, message))
    return _ToldOfMapping(fields, tuple(conditions))


def suspended_config_status(raw: Mapping[str, Any], served: bool, now: datetime) -> Status:
    """Of a suspended ProvisioningConfig: what was said last, and that it is suspended."""
    existing = raw.get("status") or {}
    suspended = Condition.of(reasons.SUSPENDED, True, reasons.SUSPENDED, "changes wait until spec.suspend is false")
    conditions = [suspended]
    if not served:
        conditions.append(Condition.of(reasons.READY, False, reasons.SUSPENDED, "it has never been served"))
    own = _CONFIG_CONDITIONS | _WHILE_IT_IS_SO | {reasons.SUSPENDED}
    return {
        **existing,
        "observedGeneration": raw["metadata"]["generation"],
        "conditions": _conditions(raw, conditions, own, now),
    }


def suspended_mapping_status(raw: Mapping[str, Any], now: datetime) -> Status | None:
    """Of a mapping of a suspended ProvisioningConfig; None for one that hasn't changed since it was dealt with."""
    existing = raw.get("status") or {}
    generation = raw["metadata"]["generation"]
    if existing.get("observedGeneration") == generation:
        return None
    message = "the ProvisioningConfig is suspended: what is new in this mapping waits"
    waits = [Condition.of(type_, False, reasons.SUSPENDED, message) for type_ in (reasons.PROGRAMMED, reasons.READY)]
    return {
        **existing,
        "observedGeneration": generation,
        "conditions": _conditions(raw, waits, _MAPPING_CONDITIONS | _WHILE_IT_IS_SO, now),
    }


def differs(existing: Mapping[str, Any], wanted: Status) -> bool:
    """Whether anything but the counters has to be written."""
    before, after = without_counters(existing), without_counters(wanted)
    conditions = {item["type"]: item for item in after.pop("conditions")}
    own = conditions.keys() | _WHILE_IT_IS_SO
    said = {item["type"]: item for item in before.pop("conditions", None) or () if item.get("type") in own}
    return (said, before) != (conditions, after)


def counters_differ(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the counters have to be written: contacts alone only when they are a minute apart."""
    before, after = counters_in(existing), counters_in(wanted)
    contacts, wanted_contacts = _take_contacts(before), _take_contacts(after)
    return (
        before != after
        or contacts.keys() != wanted_contacts.keys()
        or any(abs(wanted_contacts[of] - at) >= _CONTACT_GRANULARITY for of, at in contacts.items())
    )


def _take_contacts(counters: Status) -> dict[str, datetime]:
    """Out of `counters`: by credential, and of the whole without a name."""
    said = {"": counters.pop("lastContactTime", None)} | counters.pop(_LAST_USED, {})
    return {of: datetime.fromisoformat(at) for of, at in said.items() if at is not None}


def _ready(*conditions: Condition) -> Condition:
    """Ready when none of `conditions` objects; else the first that does says why. `Programmed` has the message when
    all is well."""
    for condition in conditions:
        good = condition.status == ("False" if condition.type == reasons.STALLED else "True")
        if not good:
            return Condition.of(reasons.READY, False, condition.reason, condition.message)
    [message] = [condition.message for condition in conditions if condition.type == reasons.PROGRAMMED]
    return Condition.of(reasons.READY, True, reasons.SUCCEEDED, message)


def _conditions(
    raw: Mapping[str, Any], new: Iterable[Condition], own: frozenset[str], now: datetime
) -> list[dict[str, Any]]:
    """With server-side apply the operator owns what it lists: conditions of other controllers are left out."""
    existing = (raw.get("status") or {}).get("conditions") or []
    mine = [condition for condition in existing if condition.get("type") in own]
    return set_conditions(mine, new, raw["metadata"]["generation"], now.astimezone(UTC))
