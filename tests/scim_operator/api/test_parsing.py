import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import (
    AttributeMapping,
    InvalidObject,
    NamespacesFrom,
    ObjectKey,
    Provider,
    ProvisioningConfig,
    RoleMapping,
)
from scim_operator.api.duration import parse_duration
from scim_server.config import Access
from tests.scim_operator.objects import config, config_object, metadata, role_mapping, rule


def test_a_config_with_only_what_is_required_gets_the_defaults() -> None:
    parsed = config()

    assert parsed.key == ObjectKey("acme", "okta")
    assert parsed.endpoint == "/acme/okta/scim/v2"
    assert parsed.spec.provider is Provider.GENERIC
    assert parsed.spec.suspend is False
    assert parsed.spec.deprovisioning.deactivation_delay == timedelta(minutes=15)
    assert parsed.spec.allowed_namespaces.from_ is NamespacesFrom.SAME
    assert parsed.spec.authentication.bearer_tokens[0].access is Access.PROVISION


def test_metadata_is_typed() -> None:
    raw = config_object() | {
        "metadata": {
            **metadata("okta"),
            "uid": "u-1",
            "generation": 3,
            "resourceVersion": "77",
            "deletionTimestamp": "2026-11-02T10:00:00Z",
            "labels": {"a": "b"},
            "managedFields": [{"manager": "kubectl"}],
        },
        "status": {"observedGeneration": -1},
    }

    parsed = ProvisioningConfig.from_object(raw)

    assert (parsed.metadata.uid, parsed.metadata.generation, parsed.metadata.resource_version) == ("u-1", 3, "77")
    assert parsed.metadata.creation_timestamp == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert parsed.being_deleted
    assert parsed.metadata.labels == {"a": "b"}
    assert parsed.status == {"observedGeneration": -1}


def test_unknown_fields_are_ignored() -> None:
    assert config(mode="Enforce").key == ObjectKey("acme", "okta")


def test_a_config_ref_without_a_namespace_means_the_mappings_own() -> None:
    here = role_mapping("r", rule("a", "A", "admin"), namespace="team-a", ref={"name": "okta"})
    there = role_mapping("r", rule("a", "A", "admin"), namespace="team-a", ref={"name": "okta", "namespace": "acme"})

    assert here.config_key == ObjectKey("team-a", "okta")
    assert there.config_key == ObjectKey("acme", "okta")


TOKEN_ISSUER = {"name": "a", "issuer": "i", "audiences": ["b"], "jwksURL": "https://idp.example/keys"}


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        ({"provider": "Octa"}, "spec.provider", "Okta"),
        ({"suspend": "yes"}, "spec.suspend", "boolean"),
        ({"authentication": {"bearerTokens": []}}, "spec.authentication", "at least one credential"),
        (
            {"authentication": {"bearerTokens": [{"name": "a", "secretRef": {"name": "s"}, "expiresAt": 1}]}},
            "spec.authentication.bearerTokens[0].expiresAt",
            "a time such as",
        ),
        (
            {
                "authentication": {
                    "bearerTokens": [
                        {"name": "a", "secretRef": {"name": "s"}, "expiresAt": "9999-12-31T23:00:00-12:00"}
                    ]
                }
            },
            "spec.authentication.bearerTokens[0].expiresAt",
            "years 1 to 9999",
        ),
        (
            {"authentication": {"bearerTokens": [{"name": "a", "secretRef": {"name": "../../other/secrets/s"}}]}},
            "spec.authentication.bearerTokens[0].secretRef.name",
            "pattern",
        ),
        (
            {"authentication": {"basic": [{"name": "a", "secretRef": {"name": "s"}, "access": "Self"}]}},
            "spec.authentication.basic[0]",
            "access Self needs userName",
        ),
        (
            {"authentication": {"jwt": [TOKEN_ISSUER | {"access": "Self"}]}},
            "spec.authentication.jwt[0]",
            "access Self needs userNameClaim",
        ),
        ({"roles": [{"name": "a"}, {"name": "a"}]}, "spec", "role 'a' appears more than once"),
        ({"deprovisioning": {"deactivationDelay": "1 day"}}, "spec.deprovisioning.deactivationDelay", "1h30m"),
        ({"deprovisioning": {"deactivationDelay": 15}}, "spec.deprovisioning.deactivationDelay", "1h30m"),
        ({"deprovisioning": {"deactivationDelay": "8761h"}}, "spec.deprovisioning.deactivationDelay", "one year"),
        ({"allowedNamespaces": {"from": "Selector"}}, "spec.allowedNamespaces", "selector"),
        ({"allowedNamespaces": {"from": "All", "selector": {}}}, "spec.allowedNamespaces", "selector"),
    ],
)
def test_an_error_names_the_field_and_what_was_expected(spec: dict[str, Any], field: str, expected: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        config(**spec)

    assert str(caught.value).startswith(f"{field}: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "group", [{}, {"externalId": "1", "displayName": "x"}, {"displayName": "x", "displayNamePattern": "x"}]
)
def test_a_group_is_named_by_exactly_one_attribute(group: dict[str, str]) -> None:
    with pytest.raises(InvalidObject, match=r"spec\.rules\[0\]\.groups\[0\]: exactly one of"):
        role_mapping("r", rule("a", group, "admin"))


@pytest.mark.parametrize(
    "path",
    [
        "userName",
        "name.givenName",
        'emails[type eq "work"].value',
        'emails[type eq "work" and primary eq true]',
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
        "members.$ref",
    ],
)
def test_scim_attribute_paths_are_accepted(path: str) -> None:
    assert attribute(path=path).spec.attributes[0].path == path


@pytest.mark.parametrize("path", ["", "a b", "name.", ".name", "a.b.c", "emails[type eq", "name\n", "$.name[*]"])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidObject, match=r"spec\.attributes\[0\]\.path"):
        attribute(path=path)


def test_an_attribute_needs_a_path_or_a_default() -> None:
    with pytest.raises(InvalidObject, match="path, expression, fromGroups or default is expected"):
        attribute()


def attribute(**source: str) -> AttributeMapping:
    spec = {"configRef": {"name": "okta"}, "attributes": [{"target": "team", **source}]}
    return AttributeMapping.from_object({"metadata": metadata("a"), "spec": spec})


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("15m", 900), ("1h30m", 5400), ("2h0m1s", 7201), ("8760h", 31536000)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "15", "m", "-1m", "1.5h", "1d", "30m1h", "15m\n", "٣m", None, 900])
def test_other_texts_are_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match="a duration"):
        parse_duration(text)


def test_keys_are_written_and_parsed() -> None:
    assert str(ObjectKey("acme", "okta")) == "acme/okta"
    assert ObjectKey.parse("acme/okta") == ObjectKey("acme", "okta")
    assert sorted([ObjectKey("b", "a"), ObjectKey("a", "b")]) == [ObjectKey("a", "b"), ObjectKey("b", "a")]


@pytest.mark.parametrize(
    ("namespace", "name", "possible"),
    [
        ("acme", "okta", True),
        ("acme", "okta.example.com", True),
        ("acme", "..", False),
        ("acme", "../../other/secrets/theirs", False),
        ("acme", "okta\n", False),
        ("acme", "", False),
        ("acme.com", "okta", False),
        ("acme/../other", "okta", False),
    ],
)
def test_a_key_that_no_object_can_have(namespace: str, name: str, possible: bool) -> None:
    assert ObjectKey(namespace, name).possible is possible


@pytest.mark.parametrize("text", ["", "acme", "/", "acme/", "/okta", "a/b/c"])
def test_other_texts_are_no_keys(text: str) -> None:
    with pytest.raises(ValueError, match="namespace/name"):
        ObjectKey.parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "name", "rules", "groups", "roles", "configRef", "authentication", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_an_object_holds_parsing_raises_nothing_else(raw: Any) -> None:
    for kind in (ProvisioningConfig, RoleMapping, AttributeMapping):
        with contextlib.suppress(InvalidObject):
            kind.from_object(raw)
