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
