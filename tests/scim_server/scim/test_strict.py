"""What a strict tenant refuses before anything is understood."""

from typing import Any

import pytest

from scim_server.scim.core_schemas import GROUP_URN, USER_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import ScimError
from scim_server.scim.normalise.patch_body import PATCH_OP_URN
from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from scim_server.scim.strict import check_patch, check_resource

USER: dict[str, Any] = {
    "schemas": [USER_URN, ENTERPRISE_URN],
    "id": 7,
    "USERNAME": "ada",
    "active": True,
    "name": {"familyName": "Lovelace", "middleName": None},
    "emails": [{"value": "a@x", "primary": True, "type": "work"}],
    "groups": "read-only, so nobody looks",
    "title": None,
    ENTERPRISE_URN: {"department": "x", "manager": {"value": "1"}},
}


def test_what_is_fine() -> None:
    check_resource(USER, USER_TYPE)
    check_resource({"schemas": [GROUP_URN], "displayName": "x", "members": [{"value": "1"}]}, GROUP_TYPE)


@pytest.mark.parametrize(
    ("change", "scim_type", "named"),
    [
        ({"schemas": None}, "invalidSyntax", "schemas"),
        ({"schemas": [ENTERPRISE_URN]}, "invalidSyntax", USER_URN),
        ({"schemas": [USER_URN]}, "invalidSyntax", ENTERPRISE_URN),
        ({"schemas": [USER_URN, ENTERPRISE_URN, "urn:x:y"]}, "invalidSyntax", "urn:x:y"),
        ({"nickname2": "x"}, "invalidSyntax", "nickname2"),
        ({"department": "x"}, "invalidSyntax", "department"),
        ({"name.familyName": "x"}, "invalidSyntax", "name.familyName"),
        ({"urn:x:y": {}}, "invalidSyntax", "urn:x:y"),
        ({"name": {"surname": "x"}}, "invalidSyntax", "surname"),
        ({ENTERPRISE_URN: {"colour": "x"}}, "invalidSyntax", "colour"),
        ({ENTERPRISE_URN: []}, "invalidValue", ENTERPRISE_URN),
        ({ENTERPRISE_URN: {"manager": "1"}}, "invalidValue", "manager"),
        ({"active": "True"}, "invalidValue", "active"),
        ({"active": [True]}, "invalidValue", "active"),
        ({"title": 7}, "invalidValue", "title"),
        ({"emails": {"value": "a@x"}}, "invalidValue", "emails"),
        ({"emails": ["a@x"]}, "invalidValue", "emails"),
        ({"emails": [{"value": "a@x", "primary": "true"}]}, "invalidValue", "emails.primary"),
    ],
)
def test_a_body_that_is_refused(change: dict[str, Any], scim_type: str, named: str) -> None:
    with pytest.raises(ScimError) as refused:
        check_resource(USER | change, USER_TYPE)
    assert refused.value.scim_type == scim_type
    assert named in refused.value.detail


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "add", "path": "emails", "value": [{"value": "a@x"}]},
        {"op": "add", "path": 'emails[type eq "work"]', "value": {"value": "a@x"}},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@x"},
        {"op": "replace", "path": f"{ENTERPRISE_URN}:department", "value": None},
        {"op": "remove", "path": "title"},
        {"op": "remove", "path": 'emails[type eq "work"]'},
    ],
)
def test_an_operation_that_is_fine(operation: dict[str, Any]) -> None:
    check_patch({"schemas": [PATCH_OP_URN], "Operations": [operation]}, USER_TYPE)


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "value": {"active": False}}, "invalidSyntax"),
        ({"op": "replace", "path": "", "value": {"active": False}}, "invalidSyntax"),
        ({"op": "Replace", "path": "active", "value": False}, "invalidSyntax"),
        ({"op": "replace", "path": "active"}, "invalidSyntax"),
        ({"op": "remove", "path": "emails", "value": [{"value": "a@x"}]}, "invalidSyntax"),
        ({"op": "replace", "path": "active", "value": "False"}, "invalidValue"),
        ({"op": "add", "path": "emails", "value": {"value": "a@x"}}, "invalidValue"),
        ({"op": "add", "path": 'emails[type eq "work"].value', "value": 7}, "invalidValue"),
        ({"op": "add", "path": "colour", "value": "x"}, "invalidSyntax"),
        ({"op": "add", "path": "urn:x:y:colour", "value": "x"}, "invalidSyntax"),
        ({"op": "add", "path": "department", "value": "x"}, "invalidSyntax"),
        ({"op": "add", "path": 'emails[type eq "work"].colour', "value": "x"}, "invalidSyntax"),
        ({"op": "add", "path": "emails[type eq work].value", "value": "x"}, "invalidFilter"),
        ({"op": "add", "path": 'emails[colour eq "x"].value', "value": "x"}, "invalidFilter"),
        ({"op": "add", "path": 'emails[type eq "work"].value[', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "remove", "path": "groups"}, "mutability"),
        ({"op": "replace", "path": "meta.created", "value": "2026-11-23T08:00:00Z"}, "mutability"),
        ({"op": "add", "path": f"{ENTERPRISE_URN}:manager.displayName", "value": "x"}, "mutability"),
        ({"op": "add", "path": "name", "value": {"surname": "x"}}, "invalidSyntax"),
        ({"op": "add", "path": "title", "value": "x", "name": "y"}, "invalidSyntax"),
        ("add", "invalidSyntax"),
    ],
)
def test_an_operation_that_is_refused(operation: Any, scim_type: str) -> None:
    with pytest.raises(ScimError) as refused:
        check_patch({"schemas": [PATCH_OP_URN], "Operations": [operation]}, USER_TYPE)
    assert refused.value.scim_type == scim_type


@pytest.mark.parametrize(
    "body", [[], {}, {"Operations": []}, {"schemas": [PATCH_OP_URN], "Operations": []}, {"schemas": [USER_URN]}]
)
def test_what_is_no_patch(body: Any) -> None:
    with pytest.raises(ScimError) as refused:
        check_patch(body, USER_TYPE)
    assert refused.value.scim_type == "invalidSyntax"
