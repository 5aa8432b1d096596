"""What servers tell of a tenant, in the statuses of its config and mappings, and in Events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scim_operator.api import ATTRIBUTE_MAPPING, Condition, reasons
from scim_operator.delivery import (
    DeliveryReport,
    Hold,
    MappingPreview,
    Progress,
    TenantStatus,
    UnmatchedGroups,
    WebhookStatus,
)
from scim_operator.delivery.tenant_status import ExpressionError, Failure, RoleFigures
from scim_operator.plan import ConfigVerdict, MappingVerdict
from scim_operator.reconcile.announcements import announcements, announcements_of_fields
from scim_operator.reconcile.status import (
    config_status,
    counters_differ,
    differs,
    mapping_status,
    programmed,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DONE = programmed(DeliveryReport(Progress.PROGRAMMED, "every ready replica runs it"))
FINE = Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "the spec is valid")
RESOLVED = Condition.of(reasons.RESOLVED_REFS, True, reasons.RESOLVED_REFS, "all credentials can be used")
READY = Condition.of(reasons.READY, True, reasons.SUCCEEDED, "all mappings are in effect as declared")
ACCEPTED = MappingVerdict(True, True, reasons.ACCEPTED, "all rules are in effect")

HOLD = Hold("deactivations-bcdfgh", "deactivations", 1900, NOW, NOW + timedelta(hours=4), ("ada@acme.example",))
NOTHING = TenantStatus(unmatched_groups={}, previews={}, expression_errors={}, holds=(), webhooks=())


def of_config(tenant: TenantStatus | None, existing: Any = None, minutes: int = 0) -> dict[str, Any]:
    return config_status(
        {"metadata": {"namespace": "acme", "name": "okta", "generation": 3}, "status": existing or {}},
        ConfigVerdict(RESOLVED, FINE, mappings=1, mappings_ready=READY, credentials=()),
        DONE,
        revision=3,
        endpoint="/acme/okta/scim/v2",
        tenant=tenant,
        now=NOW + timedelta(minutes=minutes),
    )


def of_mapping(tenant: TenantStatus | None, existing: Any = None, **fields: Any) -> dict[str, Any]:
    raw = {"metadata": {"namespace": "acme", "name": "roles", "generation": 3}, "status": existing or {}}
    return mapping_status(raw, fields.pop("verdict", ACCEPTED), DONE, NOW, tenant, **fields)


def conditions(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in status["conditions"]}


def events(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[bool, str, str]]:
    found = announcements(before.get("conditions", []), after["conditions"])
    return [(each.bad, each.reason, each.note) for each in (*found, *announcements_of_fields(before, after))]


def test_a_hold_is_a_condition_a_field_and_an_event_until_it_ends() -> None:
    """provisioning.md, "Guards": it raises a condition (`Held=True`), an Event."""
    before = of_config(NOTHING)

    held = of_config(replace(NOTHING, holds=(HOLD,)), before)
    ended = of_config(NOTHING, held)

    assert "Held" not in conditions(before)
    assert differs(before, held)
    condition = conditions(held)["Held"]
    assert (condition["status"], condition["reason"]) == ("True", "DeactivationsHeld")
    assert "deactivations-bcdfgh" in condition["message"]
    assert held["holds"] == [
        {
            "id": "deactivations-bcdfgh",
            "kind": "deactivations",
            "count": 1900,
            "since": "2026-11-23T12:00:00Z",
            "expires": "2026-11-23T16:00:00Z",
            "users": ["ada@acme.example"],
        }
    ]
    [(bad, reason, note)] = events(before, held)
    assert (bad, reason) == (True, "Held")
    assert note == (
        "hold deactivations-bcdfgh (deactivations): effects on 1900 users wait until 2026-11-23T16:00:00Z"
    )
    assert differs(held, ended)
    assert "Held" not in conditions(ended)
    assert "holds" not in ended
    hold = "hold deactivations-bcdfgh (deactivations) has ended"
    assert events(held, ended) == [(False, "HoldEnded", hold)]


def test_a_hold_that_grows_is_no_new_fact_and_no_event() -> None:
    first = of_config(replace(NOTHING, holds=(HOLD,)))
    second = of_config(replace(NOTHING, holds=(replace(HOLD, count=1901, users=("b", "c")),)), first, minutes=1)

    assert not differs(first, second)
    assert counters_differ(first, second)
    assert events(first, second) == []


def test_what_no_server_tells_stays_as_it_was_told_last() -> None:
    webhooks = (WebhookStatus("crm", "Failing", 3, NOW, NOW, "the answer was 500"),)
    told = replace(NOTHING, holds=(HOLD,), webhooks=webhooks)
    first = of_config(told)

    assert of_config(None, first, minutes=1) == first
    assert not differs(first, of_config(replace(told, last_contact_time=None), first, minutes=1))


def test_webhooks_and_the_last_failure_are_told() -> None:
    """provisioning.md, "Events for applications": a delivery log; "Sync log": the outcome."""
    failure = Failure(NOW, "okta", "create user", "userName: a value is expected", "r-1")
    active = (WebhookStatus("crm", "Active", 0, NOW),)
    failing = (WebhookStatus("crm", "Failing", 12, NOW, NOW, "the answer was 500"),)

    before = of_config(replace(NOTHING, webhooks=active, last_failure=failure))
    after = of_config(replace(NOTHING, webhooks=failing, last_failure=failure), before)
    gone = of_config(replace(NOTHING, webhooks=(replace(failing[0], state="Disabled"),)), after)

    assert before["lastFailure"] == {
        "time": "2026-11-23T12:00:00Z",
        "credential": "okta",
        "operation": "create user",
        "reason": "userName: a value is expected",
        "requestId": "r-1",
    }
    assert after["webhooks"] == [
        {
            "name": "crm",
            "state": "Failing",
            "pending": 12,
            "lastDeliveryTime": "2026-11-23T12:00:00Z",
            "lastFailure": {"time": "2026-11-23T12:00:00Z", "reason": "the answer was 500"},
        }
    ]
    assert events(before, after) == [
        (True, "WebhookFailing", "webhook crm doesn't take events: the answer was 500"),
    ]
    assert [reason for _, reason, _ in events(after, gone)] == ["WebhookDisabled"]
    assert events(gone, before) == [(False, "WebhookRecovered", "webhook crm takes events again")]


def test_a_group_that_stops_matching_is_a_condition_and_an_event() -> None:
    """provisioning.md, "RoleMapping": a renamed group that stops matching (`GroupNotFound`)."""
    groups = ({"rule": "admins", "displayName": "App Admins"},)
    before = of_mapping(NOTHING)

    lost = of_mapping(replace(NOTHING, unmatched_groups={"acme/roles": UnmatchedGroups(1, groups)}), before)
    untold, found = of_mapping(None, lost), of_mapping(NOTHING, lost)

    condition = conditions(lost)["GroupNotFound"]
    assert (condition["status"], condition["reason"]) == ("True", "GroupNotFound")
    assert condition["message"] == 'rule "admins": no provider has sent a group with displayName "App Admins"'
    assert conditions(lost)["Ready"]["status"] == "True"  # it may be a group that is yet to come
    assert [reason for _, reason, _ in events(before, lost)] == ["GroupNotFound"]
    assert untold == lost
    assert differs(lost, found)
    assert found == before


def test_a_preview_says_who_would_gain_and_lose_what() -> None:
    """provisioning.md, "RoleMapping": by name (bounded) and by count."""
    many = tuple(f"user{number}" for number in range(50))
    gains = {"admin": RoleFigures(3000, many), "viewer": RoleFigures(1, ("ada",))}
    preview = MappingPreview(3000, 2, gains=gains, losses={"guest": RoleFigures(2, ("ada", "alan"))})

    status = of_mapping(replace(NOTHING, previews={"acme/roles": preview}))

    assert status["preview"] == {
        "usersGaining": 3000,
        "usersLosing": 2,
        "gains": [
            {"role": "admin", "count": 3000, "users": list(many[:10])},
            {"role": "viewer", "count": 1, "users": ["ada"]},
        ],
        "losses": [{"role": "guest", "count": 2, "users": ["ada", "alan"]}],
    }


def test_an_expression_that_fails_is_told_at_its_own_mapping() -> None:
    """provisioning.md, "AttributeMapping": an expression that fails for a user is shown in the mapping's status."""
    errors = (
        ExpressionError("rule", "admins", "division by zero", 2),
        ExpressionError("target", "team", "a number is too large", 1),
    )
    told = replace(NOTHING, expression_errors={"acme/roles": errors})

    roles, attributes = of_mapping(told), of_mapping(told, kind=ATTRIBUTE_MAPPING)
    more = replace(told, expression_errors={"acme/roles": (replace(errors[0], users=3), errors[1])})
    refused = MappingVerdict(False, False, reasons.INVALID_EXPRESSION, "why")

    assert roles["expressionErrors"] == [{"name": "admins", "reason": "division by zero", "users": 2}]
    assert attributes["expressionErrors"] == [{"name": "team", "reason": "a number is too large", "users": 1}]
    assert conditions(roles)["ExpressionFailed"]["message"].startswith('rule "admins": division by zero; ')
    assert not differs(roles, of_mapping(more, roles))
    assert "expressionErrors" not in of_mapping(told, verdict=refused)
    assert "ExpressionFailed" not in conditions(of_mapping(told, roles, verdict=refused))
