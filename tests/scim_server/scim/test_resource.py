from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.core_schemas import GROUP_URN, USER_URN
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidValue
from scim_server.scim.resource import Limits, Projection, validate_resource
from scim_server.scim.resource_types import GROUP_TYPE
from tests.scim_server.scim.strategies import CUSTOM_URN, FILTERABLE, USER_WITH_APP

EFFECTIVE = {
    "state": "active",
    "roles": [{"value": "admin", "reasons": [{"source": "base"}]}],
    "permissions": ["users:write"],
    "profile": {"title": "Guide", "team": "not in the schema"},
}
BABS: dict[str, Any] = {
    "schemas": ["whatever"],
    "id": "2819c223",
    "userName": "babs",
    "password": "never shown",
    "name": {"familyName": "Jensen", "givenName": "Barbara"},
    "emails": [{"value": "w@example.com", "type": "work"}, {"type": "home"}],
    "groups": [{"value": "g"}],
    "meta": {"version": 'W/"1"'},
    ENTERPRISE_URN: {"department": "Tour", "division": "Parks"},
    EFFECTIVE_URN: EFFECTIVE,
    CUSTOM_URN: {"pin": "never shown", "level": 3},
}


def test_by_default_all_but_what_is_on_request_or_never_returned() -> None:
    assert Projection(USER_WITH_APP).apply(BABS) == {
        "schemas": [USER_URN, ENTERPRISE_URN, CUSTOM_URN],
        "id": "2819c223",
        "userName": "babs",
        "name": {"familyName": "Jensen", "givenName": "Barbara"},
        "emails": [{"value": "w@example.com", "type": "work"}, {"type": "home"}],
        "groups": [{"value": "g"}],
        "meta": {"version": 'W/"1"'},
        ENTERPRISE_URN: {"department": "Tour", "division": "Parks"},
        CUSTOM_URN: {"level": 3},
    }


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("USERNAME", {"userName": "babs"}),
        ("userName, name.familyName", {"userName": "babs", "name": {"familyName": "Jensen"}}),
        (["name", "name.familyName"], {"name": {"familyName": "Jensen", "givenName": "Barbara"}}),
        ("name.familyName,name", {"name": {"familyName": "Jensen", "givenName": "Barbara"}}),
        ("emails.value", {"emails": [{"value": "w@example.com"}]}),
        (f"{USER_URN}:userName", {"userName": "babs"}),
        (f"{ENTERPRISE_URN}:department", {ENTERPRISE_URN: {"department": "Tour"}}),
        (ENTERPRISE_URN.lower(), {ENTERPRISE_URN: {"department": "Tour", "division": "Parks"}}),
        (EFFECTIVE_URN, {EFFECTIVE_URN: EFFECTIVE}),
        (f"{EFFECTIVE_URN}:state", {EFFECTIVE_URN: {"state": "active"}}),
        (f"{EFFECTIVE_URN}:roles.value", {EFFECTIVE_URN: {"roles": [{"value": "admin"}]}}),
        ("password", {}),
        (f"{CUSTOM_URN}:pin", {}),
        ("shoeSize", {}),
    ],
)
def test_attributes(attributes: Any, expected: dict[str, Any]) -> None:
    shown = Projection(USER_WITH_APP, attributes).apply(BABS)
    assert shown.pop("schemas") == [USER_URN, *(key for key in expected if key.startswith("urn:"))]
    assert shown == {"id": "2819c223", **expected}


def test_excluded_attributes() -> None:
    excluded = f"emails.type,GROUPS,id,schemas,meta,{ENTERPRISE_URN}"
    shown = Projection(USER_WITH_APP, "", excluded).apply(BABS)
    assert shown == {
        "schemas": [USER_URN, CUSTOM_URN],
        "id": "2819c223",
        "userName": "babs",
        "name": {"familyName": "Jensen", "givenName": "Barbara"},
        "emails": [{"value": "w@example.com"}],
        CUSTOM_URN: {"level": 3},
    }


def test_what_is_requested_for_the_credential_is_a_default_that_attributes_override() -> None:
    assert Projection(USER_WITH_APP, requested=EFFECTIVE_URN).apply(BABS)[EFFECTIVE_URN] == EFFECTIVE
    assert EFFECTIVE_URN not in Projection(USER_WITH_APP, "userName", requested=EFFECTIVE_URN).apply(BABS)
    assert EFFECTIVE_URN not in Projection(USER_WITH_APP, None, EFFECTIVE_URN, requested=EFFECTIVE_URN).apply(BABS)


def test_a_projection_says_what_needn_t_be_loaded() -> None:
    assert not Projection(GROUP_TYPE, excluded="members").includes("members")
    assert not Projection(GROUP_TYPE, "displayName").includes("members")
    assert Projection(GROUP_TYPE, "members.value").includes("members")
    assert not Projection(USER_WITH_APP).includes_extension(EFFECTIVE_URN)
    assert Projection(USER_WITH_APP, f"{EFFECTIVE_URN}:state").includes_extension(EFFECTIVE_URN)


names = (
    st.lists(st.sampled_from([*FILTERABLE, "password", f"{CUSTOM_URN}:pin", CUSTOM_URN, USER_URN, "x"])) | st.none()
)


@given(names, names, names)
def test_what_is_never_returned_never_is(attributes: Any, excluded: Any, requested: Any) -> None:
    shown = Projection(USER_WITH_APP, attributes, excluded, requested).apply(BABS)
    assert "never shown" not in str(shown)
    assert shown["id"] == "2819c223"
    assert shown.keys() <= BABS.keys()
    assert shown["schemas"] == [USER_URN, *(urn for urn in BABS if urn.startswith("urn:") and urn in shown)]


def test_schemas_name_what_is_there() -> None:
    user = {"userName": "x", ENTERPRISE_URN: {}, CUSTOM_URN: {"level": 1}}
    assert Projection(USER_WITH_APP).apply(user)["schemas"] == [USER_URN, CUSTOM_URN]
    assert Projection(GROUP_TYPE).apply({"displayName": "x"})["schemas"] == [GROUP_URN]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({}, "userName is required"),
        ({"userName": " "}, "userName is required"),
        ({"userName": "x" * 513}, "userName has 513 characters; at most 512"),
        ({"userName": "x", "title": "x" * 65_537}, "title has 65537 characters"),
        ({"userName": "x", "name": {"givenName": "x" * 65_537}}, "name.givenName has 65537 characters"),
        ({"userName": "x", "emails": [{"value": "x" * 513}]}, "emails.value has 513 characters"),
        ({"userName": "x", "emails": [{}] * 1_001}, "emails has 1001 elements"),
        ({"userName": "x", ENTERPRISE_URN: {"department": "x" * 65_537}}, "department has 65537 characters"),
        ({"userName": "x", CUSTOM_URN: {"card": {"doors": ["x" * 65_537]}}}, "card.doors has 65537 characters"),
        ({"userName": "x", CUSTOM_URN: {"tags": ["x" * 65_537]}}, "tags has 65537 characters"),
    ],
)
def test_what_a_user_must_hold(document: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        validate_resource(document, USER_WITH_APP)
    assert named in caught.value.detail


def test_what_is_within_limits_passes() -> None:
    validate_resource({"userName": "x" * 512, "photos": [{"value": "data:" + "x" * 10_000}]}, USER_WITH_APP)
    validate_resource({"displayName": "x"}, GROUP_TYPE)
    with pytest.raises(InvalidValue, match="displayName is required"):
        validate_resource({}, GROUP_TYPE)
    with pytest.raises(InvalidValue, match="at most 3"):
        validate_resource({"displayName": "xxxx"}, GROUP_TYPE, Limits(key_length=3))
