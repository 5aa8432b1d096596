"""PATCH bodies as providers send them: which operations are understood."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.core_schemas import USER_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, NoTarget, ScimError
from scim_server.scim.filter import render_path
from scim_server.scim.normalise import normalise_patch, normalise_resource
from scim_server.scim.patch import apply_to_document, plan_group_patch
from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from scim_server.scim.schema import ResourceType
from tests.scim_server.scim.strategies import USER_WITH_APP, json_values, names, users

Understood = list[tuple[Any, ...]]


def understood(body: Any, resource_type: ResourceType = USER_TYPE) -> Understood:
    """(op, path, value) of each operation, without the value where there is none."""
    operations: Understood = []
    for operation in normalise_patch(body, resource_type):
        value = () if operation.value is None else (operation.value,)
        operations.append((operation.op, render_path(operation.path), *value))
    return operations


def patch(*operations: Any) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        # Okta: no path, read-only attributes ride along, the password too
        ({"op": "replace", "value": {"active": False}}, [("replace", "active", False)]),
        ({"op": "replace", "value": {"id": "1", "title": "x"}}, [("replace", "title", "x")]),
        ({"op": "replace", "value": {"password": "s3cret"}}, []),
        # Entra ID
        ({"op": "Replace", "path": "active", "value": "False"}, [("replace", "active", False)]),
        (
            {"op": "Add", "path": 'emails[type eq "work"].value', "value": "x"},
            [("add", 'emails[type eq "work"].value', "x")],
        ),
        (
            {"op": "Add", "path": 'roles[primary eq "True"].Value', "value": '{"value":"admin"}'},
            [("add", "roles[primary eq true].value", "admin")],
        ),
        ({"op": "Replace", "path": "name", "value": {"familyName": "x"}}, [("replace", "name", {"familyName": "x"})]),
        (
            {"op": "Replace", "path": f"{ENTERPRISE_URN}:manager", "value": "m"},
            [("replace", f"{ENTERPRISE_URN}:manager", {"value": "m"})],
        ),
        (
            {"op": "Add", "path": "manager", "value": [{"$ref": None, "value": "m"}]},
            [("add", f"{ENTERPRISE_URN}:manager", {"value": "m"})],
        ),
        (
            {"op": "Replace", "path": f"{ENTERPRISE_URN}:manager", "value": ""},
            [("remove", f"{ENTERPRISE_URN}:manager")],
        ),
        ({"op": "Replace", "path": "manager.value", "value": None}, [("remove", f"{ENTERPRISE_URN}:manager")]),
        ({"op": "Replace", "path": "title", "value": None}, [("remove", "title")]),
        ({"op": "Replace", "path": "emails", "value": []}, [("remove", "emails")]),
        ({"op": "Add", "path": "emails", "value": None}, []),
        (
            {
                "op": "add",
                "value": {
                    "name.givenName": "g",
                    f"{ENTERPRISE_URN}:employeeNumber": 7,
                    'emails[type eq "work"].value': "x",
                },
            },
            [
                ("add", "name.givenName", "g"),
                ("add", f"{ENTERPRISE_URN}:employeeNumber", "7"),
                ("add", 'emails[type eq "work"].value', "x"),
            ],
        ),
        ({"op": "replace", "path": f"{USER_URN}:userName", "value": "x"}, [("replace", "userName", "x")]),
        ({"op": "Remove", "path": "emails", "value": [{"value": "x"}]}, [("remove", "emails", [{"value": "x"}])]),
        ({"op": "Remove", "path": "title", "value": "x"}, [("remove", "title")]),
        ({"op": "add", "path": "urn:not:declared:2.0:User:tag", "value": "x"}, []),
        ({"op": "Replace", "path": "groups", "value": []}, []),
        # whole extensions
        (
            {"op": "replace", "path": ENTERPRISE_URN, "value": {"department": "d", "division": None}},
            [("replace", f"{ENTERPRISE_URN}:department", "d"), ("remove", f"{ENTERPRISE_URN}:division")],
        ),
        (
            {"op": "replace", "value": {ENTERPRISE_URN: {"manager": {"managerId": "m"}}}},
            [("replace", f"{ENTERPRISE_URN}:manager", {"value": "m"})],
        ),
        # nulls inside clear sub-attributes
        (
            {"op": "replace", "path": "name", "value": {"givenName": None, "familyName": "f"}},
            [("remove", "name.givenName"), ("replace", "name", {"familyName": "f"})],
        ),
        (
            {"op": "replace", "path": 'emails[type eq "work"]', "value": [{"display": None, "value": "v"}]},
            [("remove", 'emails[type eq "work"].display'), ("replace", 'emails[type eq "work"]', {"value": "v"})],
        ),
        # the path empty, null or with spaces; names in any case
        ({"OP": "ADD", "Path": "", "VALUE": {"TITLE": "x"}}, [("add", "title", "x")]),
        ({"op": "add", "path": None, "value": [{"title": "x"}]}, [("add", "title", "x")]),
        ({"op": "add", "path": " NAME.familyname ", "value": "x"}, [("add", "name.familyName", "x")]),
    ],
)
def test_user_operations(operation: dict[str, Any], expected: Understood) -> None:
    assert understood(patch(operation)) == expected


def test_a_whole_extension_is_removed_attribute_by_attribute() -> None:
    operations = understood(patch({"op": "remove", "path": ENTERPRISE_URN}))
    assert ("remove", f"{ENTERPRISE_URN}:manager") in operations
    assert {operation[0] for operation in operations} == {"remove"}
    assert understood(patch({"op": "replace", "path": ENTERPRISE_URN, "value": None})) == operations


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (
            {"op": "add", "path": "members", "value": [{"value": "u", "$ref": None}]},
            [("add", "members", [{"value": "u"}])],
        ),
        ({"op": "Remove", "path": "members", "value": [{"value": "u"}]}, [("remove", "members", [{"value": "u"}])]),
        ({"op": "remove", "path": 'members[value eq "u"]'}, [("remove", 'members[value eq "u"]')]),
        ({"op": "remove", "path": "members"}, [("remove", "members")]),
        ({"op": "remove", "path": "members", "value": None}, [("remove", "members")]),  # Keycloak
        ({"op": "remove", "path": "members", "value": []}, []),
        ({"op": "replace", "path": "members", "value": None}, [("replace", "members", [])]),
        ({"op": "replace", "path": "members", "value": []}, [("replace", "members", [])]),
        ({"op": "add", "path": "members", "value": []}, []),
        ({"op": "add", "value": {"members": [{"value": "u"}]}}, [("add", "members", [{"value": "u"}])]),
        ({"op": "remove", "value": {"members": [{"value": "u"}]}}, [("remove", "members", [{"value": "u"}])]),
        ({"op": "add", "path": "members.value", "value": "u"}, [("add", "members", [{"value": "u"}])]),
        ({"op": "replace", "path": "members.display", "value": "u"}, []),
        # Okta renames with the id in the value, authentik with schemas and id
        (
            {"op": "replace", "value": {"id": "1", "schemas": [], "externalId": "e", "displayName": "n"}},
            [("replace", "externalId", "e"), ("replace", "displayName", "n")],
        ),
    ],
)
def test_group_operations(operation: dict[str, Any], expected: Understood) -> None:
    assert understood(patch(operation), GROUP_TYPE) == expected


@pytest.mark.parametrize("body", [{"Operations": []}, {"operations": None}, {"schemas": [], "OPERATIONS": []}])
def test_no_operations_are_no_changes(body: Any) -> None:
    assert normalise_patch(body, USER_TYPE) == []


def test_schemas_may_be_missing_and_a_single_operation_stand_alone() -> None:
    assert understood({"Operations": {"op": "add", "path": "title", "value": "x"}}) == [("add", "title", "x")]


@pytest.mark.parametrize(
    ("body", "error", "named"),
    [
        ([], InvalidSyntax, "JSON object"),
        ({}, InvalidSyntax, "Operations is missing"),
        ({"Operations": "x"}, InvalidSyntax, "Operations: expected an array"),
        (patch("x"), InvalidSyntax, "Operations[0]: expected an object"),
        (patch({"path": "title"}), InvalidSyntax, "Operations[0].op: expected add, replace or remove, found nothing"),
        (patch({"op": "move"}), InvalidSyntax, "'move'"),
        (patch({"op": "add", "path": 3}), InvalidPath, "Operations[0].path: expected a string"),
        (
            patch({"op": "replace", "path": "displayName"}),
            InvalidValue,
            "Operations[0].value: expected with add and replace",
        ),
        (patch({"op": "add", "path": "members"}), InvalidValue, "Operations[0].value: expected with add and replace"),
        (
            patch({"op": "add", "path": "shoeSize", "value": 9}),
            InvalidPath,
            "Operations[0].path: unknown attribute 'shoeSize'",
        ),
        (patch({"op": "add", "path": "name.shoeSize", "value": 9}), InvalidPath, "name.shoeSize"),
        (patch({"op": "add", "path": 'emails[shoeSize eq "9"]', "value": {}}), InvalidFilter, "shoeSize"),
        (patch({"op": "add", "path": 'emails[type eq "w"]x', "value": {}}), InvalidPath, "goes on"),
        (patch({"op": "remove"}), NoTarget, "Operations[0].path: expected with remove"),
        (patch({"op": "add", "value": "x"}), InvalidSyntax, "Operations[0].value: expected an object"),
        (patch({"op": "add"}), InvalidSyntax, "value: expected an object"),
        (
            patch({"op": "add", "path": "active", "value": "yes"}),
            InvalidValue,
            "Operations[0].value: active: expected true or false, found the string 'yes'",
        ),
        (
            patch({"op": "add", "path": "password", "value": True}),
            InvalidValue,
            "password: expected a string, found a boolean",
        ),
        (
            patch({"op": "add", "value": {"active": 3}}),
            InvalidValue,
            "Operations[0].value: active: expected true or false, found the number 3",
        ),
        (patch({"op": "add", "path": "emails", "value": [{"primary": "x"}]}), InvalidValue, "emails.primary"),
        (patch({"op": "add", "path": ENTERPRISE_URN, "value": "x"}), InvalidValue, "expected an object"),
    ],
)
def test_what_is_not_understood_is_named(body: Any, error: type[ScimError], named: str) -> None:
    with pytest.raises(error) as caught:
        normalise_patch(body, USER_TYPE)
    assert named in caught.value.detail


_paths = names() | st.sampled_from(
    [
        "emails[",
        'emails[type eq "x"]',
        "emails[primary eq true].type",
        "roles.value",
        'members[value eq "x"]',
        'manager[value eq "x"]',
    ]
)
_operations = st.fixed_dictionaries(
    {}, optional={"op": st.sampled_from(["add", "Replace", "REMOVE", 1]), "path": _paths, "value": json_values()}
)


@given(
    st.lists(_operations | json_values(4), max_size=5).map(lambda operations: {"Operations": operations})
    | json_values(),
    users(),
)
def test_any_json_gives_operations_that_apply_or_a_scim_error(body: Any, user: dict[str, Any]) -> None:
    for resource_type in (USER_WITH_APP, GROUP_TYPE):
        try:
            planned = plan_group_patch(normalise_patch(body, resource_type), resource_type)
            after = apply_to_document(user, planned.document_operations, resource_type)
        except ScimError as error:
            error.detail.encode()
            continue
        normalise_resource(after, resource_type)  # every value still has its attribute's type
