from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scim_operator.api import Condition, reasons
from scim_operator.delivery import DeliveryReport, Progress, TenantStatus, UnmatchedGroups
from scim_operator.plan import ConfigVerdict, CredentialStatus, MappingVerdict
from scim_operator.reconcile.announcements import announcements
from scim_operator.reconcile.status import (
    config_status,
    counters_differ,
    differs,
    mapping_status,
    programmed,
    shard_full,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DONE = programmed(DeliveryReport(Progress.PROGRAMMED, "every ready replica runs it"))
RESOLVED = Condition.of(reasons.RESOLVED_REFS, True, reasons.RESOLVED_REFS, "all credentials can be used")
UNRESOLVED = Condition.of(reasons.RESOLVED_REFS, False, reasons.SECRET_NOT_FOUND, "Secret acme/x was not found")
FINE = Condition.of(reasons.STALLED, False, reasons.NOT_STALLED, "the spec is valid")
AS_DECLARED = Condition.of(reasons.READY, True, reasons.SUCCEEDED, "all mappings are in effect as declared")
STALLED = Condition.of(reasons.STALLED, True, reasons.INVALID_SPEC, "spec.baseRoles[0]: no such role")


def raw(status: Any = None) -> dict[str, Any]:
    return {"metadata": {"namespace": "acme", "name": "okta", "generation": 3}, "status": status or {}}


def status(
    existing: Any = None,
    *,
    resolved: Condition = RESOLVED,
    stalled: Condition = FINE,
    mappings: Condition = AS_DECLARED,
    delivered: Any = DONE,
    tenant: TenantStatus | None = None,
    now: datetime = NOW,
) -> dict[str, Any]:
    credentials = (CredentialStatus("one", None), CredentialStatus("two", NOW + timedelta(days=1)))
    verdict = ConfigVerdict(resolved, stalled, mappings=2, mappings_ready=mappings, credentials=credentials)
    return config_status(
        raw(existing), verdict, delivered, revision=9, endpoint="/acme/okta/scim/v2", tenant=tenant, now=now
    )


def short(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {item["type"]: (item["status"], item["reason"]) for item in found["conditions"]}


def test_all_is_well() -> None:
    found = status()
    assert short(found)["Ready"] == ("True", "Succeeded")
    assert found["observedGeneration"] == 3
    assert found["credentials"] == [{"name": "one"}, {"name": "two", "expiresAt": "2026-11-24T12:00:00Z"}]
    assert all(item["observedGeneration"] == 3 for item in found["conditions"])


@pytest.mark.parametrize(
    ("progress", "reason", "under_way"),
    [
        (Progress.NO_REPLICAS, "NoReplicas", "True"),
        (Progress.UNAVAILABLE, "ReplicaUnavailable", "True"),
        (Progress.REFUSED, "ReplicaRejected", "True"),
        (Progress.APPLYING, "InProgress", "True"),
        (Progress.STALE, "InProgress", "True"),
    ],
)
def test_what_is_not_programmed_is_not_ready(progress: Progress, reason: str, under_way: str) -> None:
    found = short(status(delivered=programmed(DeliveryReport(progress, "why"))))
    assert found["Programmed"] == found["Ready"] == ("False", reason)
    assert found["Reconciling"][0] == under_way


def test_a_missing_secret_is_not_ready_though_the_rest_is_programmed() -> None:
    found = short(status(resolved=UNRESOLVED))
    assert found["Programmed"] == ("True", "Succeeded")
    assert found["Ready"] == ("False", "SecretNotFound")


def test_a_stalled_spec_is_neither_programmed_nor_under_way() -> None:
    found = short(status(stalled=STALLED, delivered=programmed(DeliveryReport(Progress.UNAVAILABLE, "x"))))
    assert found["Stalled"] == ("True", "InvalidSpec")
    assert found["Programmed"] == found["Ready"] == ("False", "InvalidSpec")
    assert found["Reconciling"][0] == "False"


def test_too_large_is_a_condition_that_nothing_works_on() -> None:
    found = short(status(delivered=shard_full("the ConfigMap", DONE)))
    assert found["Ready"] == ("False", "ShardFull")
    assert found["Reconciling"][0] == "False"


def test_equal_facts_later_are_no_reason_to_write() -> None:
    first = status()
    second = status(first, now=NOW + timedelta(hours=1))
    assert not differs(first, second)
    assert first == second


def test_a_condition_of_another_controller_is_neither_claimed_nor_counted() -> None:
    foreign = {
        "type": "example.com/Audited",
        "status": "True",
        "reason": "X",
        "message": "",
        "lastTransitionTime": "t",
    }
    first = status()
    existing = {**first, "conditions": [*first["conditions"], foreign]}
    second = status(existing)
    assert "example.com/Audited" not in short(second)
    assert not differs(existing, second)


def test_counters_are_told_apart_from_the_rest() -> None:
    first = status(tenant=TenantStatus(active=1, last_sync_time=NOW))
    second = status(first, tenant=TenantStatus(active=2, last_sync_time=NOW))
    assert not differs(first, second)
    assert counters_differ(first, second)
    assert second["users"] == {"active": 2, "blocked": 0, "deactivated": 0}


def test_counters_that_nobody_tells_stay_as_they_were_told_last() -> None:
    first = status(tenant=TenantStatus(active=1, groups=5, last_sync_time=NOW))
    second = status(first, tenant=None)
    assert not counters_differ(first, second)
    assert second["groups"] == 5


def test_a_mapping_that_is_in_effect_follows_the_delivery() -> None:
    verdict = MappingVerdict(True, True, reasons.ACCEPTED, "all rules are in effect")
    assert short(mapping_status(raw(), verdict, DONE, NOW)) == {
        "Accepted": ("True", "Accepted"),
        "Programmed": ("True", "Succeeded"),
        "Ready": ("True", "Succeeded"),
        "Stalled": ("False", "NotStalled"),
    }
    waiting = programmed(DeliveryReport(Progress.NO_REPLICAS, "none"))
    found = short(mapping_status(raw(), verdict, waiting, NOW))
    assert found["Programmed"] == found["Ready"] == ("False", "NoReplicas")
    assert found["Stalled"] == ("False", "NotStalled")


def test_a_mapping_that_keeps_what_it_gave_is_programmed_and_stalled() -> None:
    verdict = MappingVerdict(False, True, reasons.ROLE_NOT_FOUND, 'role "x" is not in the catalogue')
    assert short(mapping_status(raw(), verdict, DONE, NOW)) == {
        "Accepted": ("False", "RoleNotFound"),
        "Programmed": ("True", "Succeeded"),
        "Ready": ("False", "RoleNotFound"),
        "Stalled": ("True", "RoleNotFound"),
    }


def test_a_mapping_that_waits_for_its_config_is_not_stalled() -> None:
    verdict = MappingVerdict(False, False, reasons.CONFIG_NOT_FOUND, "ProvisioningConfig acme/okta was not found")
    found = short(mapping_status(raw(), verdict, DONE, NOW))
    assert found["Ready"] == ("False", "ConfigNotFound")
    assert found["Stalled"] == ("False", "NotStalled")


def test_a_config_whose_mappings_are_not_as_declared_is_not_ready() -> None:
    odd = Condition.of(reasons.READY, False, reasons.MAPPINGS_NOT_AS_DECLARED, "RoleMapping acme/r")
    found = status(mappings=odd)
    assert short(found)["Ready"] == ("False", "MappingsNotAsDeclared")
    assert short(found)["Programmed"] == ("True", "Succeeded")
    assert short(found)["Stalled"] == ("False", "NotStalled")


def test_a_mapping_that_is_refused_is_never_programmed() -> None:
    verdict = MappingVerdict(False, False, reasons.ROLE_NOT_FOUND, 'role "x" is not in the catalogue')
    assert short(mapping_status(raw(), verdict, DONE, NOW)) == {
        "Accepted": ("False", "RoleNotFound"),
        "Programmed": ("False", "NotAccepted"),
        "Ready": ("False", "RoleNotFound"),
        "Stalled": ("True", "RoleNotFound"),
    }


def test_events_tell_bad_news_of_the_object_and_their_end_and_neither_words_nor_servers() -> None:
    before = status()["conditions"]
    reworded = [item | {"message": "in other words"} for item in before]
    assert announcements(before, reworded) == announcements([], before) == []
    after = status(resolved=UNRESOLVED)["conditions"]
    assert [(item.bad, item.reason) for item in announcements(before, after)] == [(True, "SecretNotFound")]
    assert [(item.bad, item.reason) for item in announcements([], after)] == [(True, "SecretNotFound")]
    assert [(item.bad, item.reason) for item in announcements(after, before)] == [(False, "ResolvedRefs")]
    down = status(delivered=programmed(DeliveryReport(Progress.UNAVAILABLE, "no answer")))["conditions"]
    assert announcements(before, down) == announcements(down, before) == []
    full = status(delivered=shard_full("no room", DONE))["conditions"]
    assert [(item.bad, item.reason) for item in announcements(before, full)] == [(True, "ShardFull")]


def test_groups_that_rules_name_and_nobody_sent_are_in_the_status_of_the_mapping() -> None:
    verdict = MappingVerdict(True, True, reasons.ACCEPTED, "all rules are in effect")
    told = UnmatchedGroups(1, ({"rule": "developers", "displayName": "Enginering"},))
    tenant = TenantStatus(groups=1, unmatched_groups={"acme/okta": told})
    found = mapping_status(raw(), verdict, DONE, NOW, tenant)
    assert found["unmatchedGroups"] == {
        "count": 1,
        "groups": [{"rule": "developers", "displayName": "Enginering"}],
    }
    # Nobody told: what was told last stays, and nothing has to be written.
    again = mapping_status(raw(found), verdict, DONE, NOW, None)
    assert not differs(found, again)
    assert not counters_differ(found, again)
    solved = mapping_status(raw(found), verdict, DONE, NOW, TenantStatus(unmatched_groups={}))
    assert "unmatchedGroups" not in solved
    assert counters_differ(found, solved)
