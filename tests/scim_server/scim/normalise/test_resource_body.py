"""POST and PUT bodies as providers send them."""

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.core_schemas import USER_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidSyntax, InvalidValue, ScimError
from scim_server.scim.normalise import normalise_resource, take_members
from scim_server.scim.resource import validate_resource
from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from tests.scim_server.scim.strategies import CUSTOM_URN, USER_WITH_APP, json_values, names

OKTA_CREATE = {
    "schemas": [USER_URN],
    "userName": "test.user@okta.local",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": True, "value": "test.user@okta.local", "type": "work"}],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}

ENTRA_CREATE = {
    "schemas": [USER_URN, ENTERPRISE_URN],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Test_User_ab6490ee",
    "active": True,
    "addresses": [{"type": "work", "primary": "True", "country": None, "locality": "Oslo"}],
    "emails": [{"primary": "True", "type": "work", "value": "u@test.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
    "roles": [],
    ENTERPRISE_URN: {"employeeNumber": "701984", "manager": "3f2c"},
    "urn:ietf:params:scim:schemas:extension:other:2.0:User": {"tag": "x"},
}

ONELOGIN_CREATE = {
    "schemas": ["urn:scim:schemas:core:1.0"],
    "id": None,
    "userName": "alice",
    "active": "true",
    "name": {"givenName": "Alice", "familyName": None},
    "emails": [{"value": "a@example.com", "primary": "true"}],
    "employeeNumber": 42,
    "manager": {"managerId": "m1", "displayName": None},
    "phoneNumbers": [{"value": None, "type": "work"}],
}


def test_labels_of_no_value_are_left_out() -> None:
    numbers = [{"type": "work", "value": None}, {"type": "home", "VALUE": "1"}, {"type": "fax"}]
    read = normalise_resource({"phoneNumbers": numbers}, USER_TYPE)
    assert read["phoneNumbers"] == [{"type": "home", "value": "1"}, {"type": "fax"}]


def test_okta_create() -> None:
    assert normalise_resource(OKTA_CREATE, USER_TYPE) == {
        "userName": "test.user@okta.local",
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": True, "value": "test.user@okta.local", "type": "work"}],
        "displayName": "Test User",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "active": True,
    }


def test_entra_create() -> None:
    assert normalise_resource(ENTRA_CREATE, USER_TYPE) == {
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Test_User_ab6490ee",
        "active": True,
        "addresses": [{"type": "work", "primary": True, "locality": "Oslo"}],
        "emails": [{"primary": True, "type": "work", "value": "u@test.com"}],
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        ENTERPRISE_URN: {"employeeNumber": "701984", "manager": {"value": "3f2c"}},
    }


def test_onelogin_create() -> None:
    assert normalise_resource(ONELOGIN_CREATE, USER_TYPE) == {
        "userName": "alice",
        "active": True,
        "name": {"givenName": "Alice"},
        "emails": [{"value": "a@example.com", "primary": True}],
        ENTERPRISE_URN: {"employeeNumber": "42", "manager": {"value": "m1"}},
    }


@pytest.mark.parametrize(
    ("sent", "document"),
    [
        # names in any case, core attributes under their URN, dotted and path keys
        ({"USERNAME": "a", "Name": {"GIVENNAME": "b"}}, {"userName": "a", "name": {"givenName": "b"}}),
        ({USER_URN: {"userName": "a"}}, {"userName": "a"}),
        ({f"{USER_URN}:userName": "a"}, {"userName": "a"}),
        ({"name.givenName": "b", "name": {"familyName": "c"}}, {"name": {"familyName": "c", "givenName": "b"}}),
        ({f"{ENTERPRISE_URN.lower()}:Department": "d"}, {ENTERPRISE_URN: {"department": "d"}}),
        ({ENTERPRISE_URN: {"manager.value": "m"}}, {ENTERPRISE_URN: {"manager": {"value": "m"}}}),
        (
            {'emails[type eq "work"].value': "a@b", 'emails[type eq "work"].primary': "true"},
            {"emails": [{"type": "work", "value": "a@b", "primary": True}]},
        ),
        # arrays and scalars in each other's place
        ({"active": ["True"], "title": []}, {"active": True}),
        ({"name": [{"givenName": "b"}]}, {"name": {"givenName": "b"}}),
        ({"emails": {"value": "a@b"}}, {"emails": [{"value": "a@b"}]}),
        ({"emails": "a@b"}, {"emails": [{"value": "a@b"}]}),
        ({"roles": ["admin", "viewer"]}, {"roles": [{"value": "admin"}, {"value": "viewer"}]}),
        # Entra ID: a role as JSON in a string
        (
            {"roles": [{"value": '{"id":"1","value":"admin","displayName":"Admin"}', "primary": "True"}]},
            {"roles": [{"display": "Admin", "primary": True, "value": "admin"}]},
        ),
        ({"roles": ['{"value":"admin"}']}, {"roles": [{"value": "admin"}]}),
        ({"roles": ["{not json"]}, {"roles": [{"value": "{not json"}]}),
        # the manager in every form
        ({ENTERPRISE_URN: {"manager": ""}}, {}),
        ({ENTERPRISE_URN: {"manager": None}}, {}),
        ({ENTERPRISE_URN: {"manager": {"value": None}}}, {}),
        ({ENTERPRISE_URN: {"manager": {"value": ""}}}, {}),
        ({ENTERPRISE_URN: {"manager": {"managerId": ""}}}, {}),
        ({ENTERPRISE_URN: {"manager": {"displayName": "Only a name, which is read-only"}}}, {}),
        (
            {ENTERPRISE_URN: {"manager": {"$ref": "../Users/26118915"}}},
            {ENTERPRISE_URN: {"manager": {"value": "26118915", "$ref": "../Users/26118915"}}},
        ),
        # PingOne: the same address twice, both primary
        (
            {"emails": [{"value": "A@b", "primary": True}, {"value": "a@b", "primary": True, "display": "x"}]},
            {"emails": [{"value": "A@b", "primary": True, "display": "x"}]},
        ),
        (
            {"emails": [{"value": "a@b", "primary": False}, {"value": "a@b", "primary": True}, {"value": "c@b"}]},
            {"emails": [{"value": "a@b", "primary": True}, {"value": "c@b"}]},
        ),
        (
            {"emails": [{"value": "a", "type": "work", "primary": True}, {"value": "b", "primary": True}]},
            {"emails": [{"value": "a", "type": "work", "primary": True}, {"value": "b", "primary": False}]},
        ),
        # what a client can't set
        ({"id": "1", "meta": {"version": "x"}, "schemas": "x", "groups": [{"value": "g"}]}, {}),
        ({"shoeSize": 9, "urn:x:y": {"z": 1}, "": 1, ":": 2, "a.b.c": 3}, {}),
        (
            {CUSTOM_URN: {"level": "3", "score": "2.5", "tags": "a", "pin": "1"}},
            {CUSTOM_URN: {"level": 3, "score": 2.5, "tags": ["a"]}},
        ),
        # dateTimes stay as they are sent where every database reads them
        ({CUSTOM_URN: {"joined": "2024-01-31T08:00:00.1234567+02:00"}},) * 2,
        ({CUSTOM_URN: {"joined": "2024-01-31"}}, {CUSTOM_URN: {"joined": "2024-01-31T00:00:00Z"}}),
        ({CUSTOM_URN: {"joined": "20240131t083000+0200"}}, {CUSTOM_URN: {"joined": "2024-01-31T06:30:00Z"}}),
        ({CUSTOM_URN: None}, {}),
        (
            {CUSTOM_URN: {"years": [2024, "2025", None, 2024], "card": {"doors": ["a", "A", "b"]}}},
            {CUSTOM_URN: {"years": [2024, 2025], "card": {"doors": ["a", "b"]}}},
        ),
    ],
)
def test_tolerated(sent: dict[str, Any], document: dict[str, Any]) -> None:
    assert normalise_resource(sent, USER_WITH_APP) == document


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"userName": {"a": 1}}, "userName: expected a string, found an object"),
        ({"userName": True}, "userName: expected a string, found true"),
        ({"userName": ["a", "b"]}, "userName: expected one value, found an array"),
        ({"userName": "a\x00"}, "userName: expected a string without NUL"),
        ({"userName": "\ud800"}, "userName: expected a string without NUL"),
        ({"active": "yes"}, "active: expected true or false, found the string 'yes'"),
        ({"active": "y" * 99}, f"found the string '{'y' * 79}…'"),
        ({"active": 10**5_000}, "active: expected true or false, found a number"),
        ({"emails": [[]]}, "emails: expected an object, found an array"),
        ({"emails": [{"primary": 3}]}, "emails.primary: expected true or false, found the number 3"),
        ({"name": "Babs"}, "name: expected an object, found the string 'Babs'"),
        ({"password": 1.5e300 * 1e300}, "password: expected a string"),
        ({"password": True}, "password: expected a string, found a boolean"),
        ({"password": "secret\x00"}, "password: expected a string without NUL and lone surrogates, found a string"),
        ({"password": {"secret": 1}}, "password: expected a string"),
        ({ENTERPRISE_URN: "x"}, "expected an object"),
        ({CUSTOM_URN: {"level": 2.5}}, "level: expected an integer"),
        ({CUSTOM_URN: {"level": 2**63}}, "level: expected an integer of 64 bits"),
        ({CUSTOM_URN: {"level": 10**400}}, "level: expected an integer"),
        ({CUSTOM_URN: {"level": "x"}}, "level: expected an integer"),
        ({CUSTOM_URN: {"level": True}}, "level: expected an integer"),
        ({"title": 10**5_000}, "title: expected a string"),
        ({"title": 1e18}, "title: expected a string; without quotes so large a number loses digits"),
        ({CUSTOM_URN: {"level": "1_000"}}, "level: expected an integer"),
        ({CUSTOM_URN: {"score": "inf"}}, "score: expected a number"),
        ({"members": ["\x00"], "emails": ["\x00"]}, "emails.value: expected a string without NUL"),
        ({CUSTOM_URN: {"score": "x"}}, "score: expected a number"),
        ({CUSTOM_URN: {"joined": "x"}}, "joined: expected a dateTime"),
    ],
)
def test_what_stays_wrong_is_named(sent: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        normalise_resource(sent, USER_WITH_APP)
    assert named in caught.value.detail
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_body_is_an_object(body: Any) -> None:
    with pytest.raises(InvalidSyntax):
        normalise_resource(body, USER_TYPE)


@pytest.mark.parametrize(
    ("sent", "ids"),
    [
        ([{"value": "a", "display": "A", "type": "User"}, {"value": "b", "$ref": None}], {"a", "b"}),
        ([{"$ref": "https://host/acme/okta/scim/v2/Users/a"}, {"$ref": "../Groups/b", "value": None}], {"a", "b"}),
        ([{"Value": "a"}, "b", {"value": "a"}], {"a", "b"}),
        ({"value": "a"}, {"a"}),
        ([], set()),
        (None, set()),
    ],
)
def test_members_in_every_form(sent: Any, ids: set[str]) -> None:
    document = normalise_resource({"displayName": "g", "members": sent}, GROUP_TYPE)
    assert take_members(document) == frozenset(ids)
    assert document == {"displayName": "g"}


def test_an_id_that_no_database_holds_is_refused() -> None:
    with pytest.raises(InvalidValue, match="members: expected ids without NUL"):
        normalise_resource({"members": [{"value": "a"}, {"value": "\x00"}]}, GROUP_TYPE)


def test_members_that_are_not_named_are_not_emptied() -> None:
    assert take_members(normalise_resource({"displayName": "g"}, GROUP_TYPE)) is None


@pytest.mark.parametrize("entry", [{}, {"value": None, "$ref": None}, 3, None, {"value": 3}, "", {"$ref": "/"}])
def test_a_member_without_id_is_refused(entry: Any) -> None:
    with pytest.raises(InvalidValue, match="members: expected an object with the member's id"):
        normalise_resource({"members": [entry]}, GROUP_TYPE)


def test_the_body_stays_as_it_is() -> None:
    body = copy.deepcopy(ENTRA_CREATE) | {'emails[type eq "home"].value': "x"}
    before = copy.deepcopy(body)
    normalise_resource(body, USER_TYPE)
    assert body == before


@given(st.dictionaries(names(), json_values(), max_size=6) | json_values())
def test_any_json_gives_a_document_or_a_scim_error_and_a_second_reading_changes_nothing(body: Any) -> None:
    for resource_type in (USER_WITH_APP, GROUP_TYPE):
        try:
            document = normalise_resource(body, resource_type)
        except ScimError as error:
            error.detail.encode()
            continue
        assert normalise_resource(document, resource_type) == document
        try:
            validate_resource(document, resource_type)
        except InvalidValue as error:
            error.detail.encode()


def test_deep_nesting_is_no_trouble() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    for name in (
        "unknown",
        "id",
        "emails",
        "name",
        "userName",
        "urn:x:y",
        ENTERPRISE_URN,
        f"{ENTERPRISE_URN}:manager",
    ):
        with contextlib.suppress(ScimError):
            normalise_resource({name: deep}, USER_TYPE)
    quoted = '{"value":' * 100_000
    assert normalise_resource({"roles": quoted}, USER_TYPE) == {"roles": [{"value": quoted}]}
