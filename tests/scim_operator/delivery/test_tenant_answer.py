"""What a server says of a tenant is what the operator reads: both sides of one answer."""

from datetime import UTC, datetime, timedelta

import pytest

from scim_operator.delivery.tenant_answer import WrongAnswer, read_tenant
from scim_operator.delivery.tenant_status import ExpressionError, Failure, Hold, TenantStatus, UnmatchedGroups
from scim_server.management import models

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def test_every_part_is_read() -> None:
    later = NOW + timedelta(hours=4)
    error = models.ExpressionError(kind="rule", name="admins", reason="division by zero", users=2)
    said = models.TenantStatus.model_construct(
        users=models.UserCounts(active=3, blocked=2, deactivated=1),
        groups=7,
        last_sync_time=NOW,
        last_contact_time=later,
        credentials={"okta": models.CredentialUse(last_used_time=later)},
        former_users=None,
        unmatched_groups={"acme/roles": models.UnmatchedGroups(count=1, groups=({"rule": "a", "id": "42"},))},
        holds=(
            models.Hold(id="h-1", kind="roles", count=60, since=NOW, expires=later, users=("ada",)),
            models.Hold(id="h-2", kind="protected", count=1, since=NOW, expires=None, users=()),
        ),
        last_failure=models.Failure(
            time=NOW, credential="okta", operation="create user", reason="userName: a value", request_id="r-1"
        ),
        expression_errors={"acme/roles": (error,)},
    )

    read = read_tenant(said.model_dump(mode="json", by_alias=True))

    assert read == TenantStatus(
        active=3,
        blocked=2,
        deactivated=1,
        groups=7,
        last_sync_time=NOW,
        last_contact_time=later,
        last_used={"okta": later},
        unmatched_groups={"acme/roles": UnmatchedGroups(1, ({"rule": "a", "id": "42"},))},
        holds=(Hold("h-1", "roles", 60, NOW, later, ("ada",)), Hold("h-2", "protected", 1, NOW)),
        last_failure=Failure(NOW, "okta", "create user", "userName: a value", "r-1"),
        expression_errors={"acme/roles": (ExpressionError("rule", "admins", "division by zero", 2),)},
        previews=read.previews,
        webhooks=read.webhooks,
    )


def test_an_older_server_tells_less() -> None:
    read = read_tenant({"users": {"active": 1}})

    assert (read.holds, read.webhooks, read.previews, read.expression_errors) == (None, None, None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("users", ["ada"]),
        ("holds", {"id": "h"}),
        ("holds", [{"id": 1}]),
        ("holds", [{"id": "h", "kind": "roles", "count": 1, "since": "yesterday"}]),
        ("webhooks", [{"name": "crm"}]),
        ("previews", {"acme/roles": {"usersGaining": "1"}}),
        ("lastFailure", {"time": None, "operation": "x", "reason": "y"}),
        ("expressionErrors", {"acme/roles": [{"kind": "rule"}]}),
    ],
)
def test_an_answer_of_another_form_is_refused(field: str, value: object) -> None:
    with pytest.raises(WrongAnswer):
        read_tenant({field: value})
