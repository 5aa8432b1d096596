from typing import Any

import pytest

from scim_operator.api import ObjectKey
from tests.scim_operator.objects import attribute_mapping, config, role_mapping, rule
from tests.scim_operator.plan.inputs import granted, plan

LABELS = {"team-a": {"tier": "gold", "region": "eu"}, "team-b": {"tier": "base"}}
REF = {"name": "okta", "namespace": "acme"}


def attached(allowed: dict[str, Any] | None, namespace: str, labels: Any = LABELS) -> bool:
    spec: dict[str, Any] = {} if allowed is None else {"allowedNamespaces": allowed}
    mapping = role_mapping("r", rule("a", "A", "admin"), namespace=namespace, ref=REF)
    planned = plan(mapping, config=config(**spec), namespaces=labels)
    accepted = planned.mapping_verdicts["RoleMapping", ObjectKey(namespace, "r")].accepted
    assert accepted == (len(granted(planned)) == 1)
    return accepted


def selector(**fields: Any) -> dict[str, Any]:
    return {"from": "Selector", "selector": fields}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("allowed", "team_a", "team_b"),
    [
        (None, False, False),
        ({"from": "Same"}, False, False),
        ({"from": "All"}, True, True),
        (selector(), True, True),
        (selector(matchLabels={"tier": "gold"}), True, False),
        (selector(matchLabels={"tier": "gold", "region": "us"}), False, False),
        (selector(matchExpressions=[expression("tier", "In", "gold", "base")]), True, True),
        (selector(matchExpressions=[expression("tier", "NotIn", "gold")]), False, True),
        (selector(matchExpressions=[expression("region", "In", "eu")]), True, False),
        (selector(matchExpressions=[expression("region", "NotIn", "us")]), True, True),
        (selector(matchExpressions=[expression("region", "Exists")]), True, False),
        (selector(matchExpressions=[expression("region", "DoesNotExist")]), False, True),
        (
            selector(matchLabels={"tier": "gold"}, matchExpressions=[expression("region", "DoesNotExist")]),
            False,
            False,
        ),
    ],
)
def test_namespaces_by_consent(allowed: dict[str, Any] | None, team_a: bool, team_b: bool) -> None:
    assert attached(allowed, "team-a") is team_a
    assert attached(allowed, "team-b") is team_b
    assert attached(allowed, "acme"), "the config's own namespace always may"


def test_a_namespace_without_known_labels_has_none() -> None:
    assert not attached(selector(matchLabels={"tier": "gold"}), "team-a", labels={})


def test_withdrawn_consent_takes_the_rules_away() -> None:
    mapping = role_mapping("r", rule("a", "A", "admin"), namespace="team-a", ref=REF)
    before = plan(mapping, config=config(allowedNamespaces={"from": "All"}))
    assert granted(before) == {("team-a/r", "a", ("admin",))}

    after = plan(mapping, config=config(), previous=before.tenant, previous_digests=before.digests)

    assert granted(after) == set()


def test_not_permitted_and_not_found_read_alike() -> None:
    mappings = (
        role_mapping("r", rule("a", "A", "admin"), namespace="team-a", ref=REF),
        attribute_mapping("r", {"target": "x", "default": "y"}, namespace="team-a", ref=REF),
    )

    refused = plan(*mappings, config=config())
    missing = plan(*mappings, config=None)

    assert refused.mapping_verdicts == missing.mapping_verdicts
    assert {verdict.reason for verdict in refused.mapping_verdicts.values()} == {"ConfigNotFound"}
    assert len(refused.mapping_verdicts) == 2
