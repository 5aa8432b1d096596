"""What `kubectl scim status` makes of statuses as the operator writes them."""

from typing import Any

import pytest

from kubectl_scim.overview import overview
from tests.support import written_statuses as written

NOT_SEEN = "  ! no operator has looked at it: is one running, and does it serve this namespace?"


@pytest.mark.parametrize(
    ("config", "ready", "remarks"),
    [
        (
            written.SERVED,
            True,
            ["  - no request with any of its credentials has come yet: kubectl scim probe okta -n acme"],
        ),
        (written.UNSEEN, False, [NOT_SEEN]),
        (written.CHANGED, False, ["  ! the operator hasn't looked at the latest change yet"]),
        (written.ON_ITS_WAY, False, ["  ! ReplicaUnavailable: 1 of 2 servers doesn't answer"]),
        (written.WITHOUT_ITS_SECRET, False, ["  ! SecretNotFound: Secret acme/x was not found"]),
        (written.INVALID, False, ["  ! InvalidSpec: spec.baseRoles[0]: no such role"]),
        (written.WITH_A_WRONG_MAPPING, False, ["  ! MappingsNotAsDeclared: see RoleMapping acme/x"]),
    ],
)
def test_a_connection(config: dict[str, Any], ready: bool, remarks: list[str]) -> None:
    [_, line, *rest], all_ready = overview([config], written.NOW)
    assert line.split()[:3] == ["acme/okta", "yes" if ready else "NO", "Okta"]
    assert rest == remarks
    assert all_ready is ready


def test_a_suspended_connection() -> None:
    lines, ready = overview([written.SUSPENDED], written.NOW)
    assert "  - suspended: what was delivered goes on, changes wait" in lines
    assert ready


@pytest.mark.parametrize(
    ("mapping", "lines"),
    [
        (written.MAPPING, ["  ok  RoleMapping okta"]),
        (
            written.MAPPING_ON_ITS_WAY,
            ["  NO  AttributeMapping okta", "      ! ReplicaUnavailable: 1 of 2 servers doesn't answer"],
        ),
        (
            written.MISSPELT,
            [
                "  NO  RoleMapping okta",
                '      ! RoleNotFound: role "admni" is not in the catalogue',
                "      ! NotAccepted: nothing of this mapping is in effect",
            ],
        ),
        (
            written.MISSPELT_IN_PART,
            ["  NO  RoleMapping okta", '      ! RoleNotFound: role "admni" is not in the catalogue'],
        ),
        (
            written.MAPPING_OF_SUSPENDED,
            [
                "  NO  RoleMapping okta",
                "      ! Suspended: the ProvisioningConfig is suspended: what is new in this mapping waits",
            ],
        ),
    ],
)
def test_a_mapping(mapping: dict[str, Any], lines: list[str]) -> None:
    shown, ready = overview([mapping, written.SERVED], written.NOW)
    assert shown[3:] == lines
    assert ready is (lines[0].startswith("  ok"))


def test_a_mapping_that_waits_for_its_connection() -> None:
    shown, ready = overview([written.WAITING], written.NOW)
    assert "      ! ConfigNotFound: there is no ProvisioningConfig acme/okta" in shown
    assert not ready


def test_what_is_held_and_what_fails() -> None:
    """provisioning.md, "Guards" and "Events for applications", where a person looks first."""
    since, expires = "2026-11-23T10:00:00Z", "2026-11-23T14:00:00Z"
    held = {"id": "deactivations-bcd", "kind": "deactivations", "count": 1900, "since": since, "expires": expires}
    protected = {"id": "protected-xyz", "kind": "protected", "count": 1, "since": since, "users": ["breakglass"]}
    told = {
        "holds": [held | {"users": ["ada", "alan", "grace", "joan"]}, protected],
        "webhooks": [
            {"name": "crm", "state": "Failing", "pending": 3, "lastFailure": {"time": since, "reason": "it was 500"}},
            {"name": "old", "state": "Disabled"},
            {"name": "well", "state": "Active"},
        ],
        "lastFailure": {"time": since, "operation": "create user", "reason": "userName: a value is expected"},
    }
    preview = {
        "usersGaining": 2,
        "usersLosing": 1,
        "gains": [{"role": "admin", "count": 2, "users": ["ada", "alan"]}],
        "losses": [{"role": "guest", "count": 1}],
    }
    errors = [{"name": "admins", "users": 2, "reason": "division by zero"}]
    config = written.SERVED | {"status": written.SERVED["status"] | told}
    mapping = written.MAPPING | {
        "status": written.MAPPING["status"] | {"preview": preview, "expressionErrors": errors}
    }

    lines, ready = overview([config, mapping], written.NOW)

    assert ready
    remarks = [line.strip() for line in lines if line.strip().startswith("-")]
    assert remarks[1:] == [
        f"- hold deactivations-bcd (deactivations): effects on 1900 users (ada, alan, grace, …) wait until {expires}",
        "- hold protected-xyz (protected): effects on 1 user (breakglass) wait as long as they are protected",
        "- webhook crm fails, 3 events wait: it was 500",
        "- webhook old is disabled: no reason is known",
        "- last request that was refused: create user, 5d ago: userName: a value is expected",
        "- mode Preview: 2 users would gain a role, 1 would lose one",
        "- would gain admin: 2 (ada, alan)",
        "- would lose guest: 1",
        "- admins: the expression fails for 2 users: division by zero",
    ]
