import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidValue, MutabilityViolation, NoTarget, ScimError
from scim_server.scim.normalise import normalise_patch, normalise_resource
from scim_server.scim.patch import apply_to_document
from tests.scim_server.scim.strategies import CUSTOM_URN, USER_WITH_APP

WORK = {"value": "w@example.com", "type": "work", "primary": True}
HOME = {"value": "h@example.com", "type": "home"}
APP = {"badge": "b1", "tags": ["red"], "card": {"number": "1", "doors": ["a"]}}
BABS: dict[str, Any] = {
    "userName": "babs",
    "title": "Guide",
    "name": {"familyName": "Jensen", "givenName": "Barbara"},
    "emails": [WORK, HOME],
    ENTERPRISE_URN: {"department": "Tour", "manager": {"value": "m1"}},
    CUSTOM_URN: APP,
}


def patched(*operations: dict[str, Any], document: dict[str, Any] = BABS, strict: bool = False) -> dict[str, Any]:
    before = copy.deepcopy(document)
    normalised = normalise_patch({"Operations": list(operations)}, USER_WITH_APP)
    after = apply_to_document(document, normalised, USER_WITH_APP, strict=strict)
    assert document == before, "the stored document was changed in place"
    return after


def changed(*operations: dict[str, Any], strict: bool = False) -> dict[str, Any]:
    """The attributes that differ afterwards; None where one has gone."""
    after = patched(*operations, strict=strict)
    return {key: after.get(key) for key in {**BABS, **after} if after.get(key) != BABS.get(key)}


WORK_EMAIL = 'emails[type eq "work"]'
OTHER_EMAIL = 'emails[type eq "other"]'


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        # simple attributes
        ([{"op": "add", "path": "title", "value": "x"}], {"title": "x"}),
        ([{"op": "replace", "path": "nickName", "value": "x"}], {"nickName": "x"}),
        ([{"op": "remove", "path": "title"}], {"title": None}),
        ([{"op": "remove", "path": "nickName"}], {}),
        ([{"op": "replace", "path": "title", "value": None}], {"title": None}),
        # complex attributes merge, also on replace
        (
            [{"op": "Replace", "path": "name", "value": {"familyName": "x"}}],
            {"name": {"familyName": "x", "givenName": "Barbara"}},
        ),
        ([{"op": "remove", "path": "name.givenName"}], {"name": {"familyName": "Jensen"}}),
        ([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}], {"name": None}),
        # extensions, which go with their last attribute
        (
            [{"op": "add", "value": {f"{ENTERPRISE_URN}:manager.value": "m2"}}],
            {ENTERPRISE_URN: {"department": "Tour", "manager": {"value": "m2"}}},
        ),
        ([{"op": "remove", "path": 'manager[value eq "m1"]'}], {ENTERPRISE_URN: {"department": "Tour"}}),
        ([{"op": "remove", "path": 'manager[value eq "other"]'}], {}),
        ([{"op": "remove", "path": ENTERPRISE_URN}], {ENTERPRISE_URN: None}),
        # elements: add appends or merges, replace replaces, remove with a value takes only that
        ([{"op": "add", "path": "emails", "value": [{"value": "o"}]}], {"emails": [WORK, HOME, {"value": "o"}]}),
        (
            [{"op": "add", "path": "emails", "value": [{"value": "H@example.com", "type": "Home", "display": "x"}]}],
            {"emails": [WORK, {"value": "H@example.com", "type": "Home", "display": "x"}]},
        ),
        ([{"op": "add", "path": "emails", "value": [{"value": "w@example.com"}]}], {}),
        ([{"op": "replace", "path": "emails", "value": [HOME]}], {"emails": [HOME]}),
        ([{"op": "remove", "path": "emails", "value": [{"value": "W@example.com"}]}], {"emails": [HOME]}),
        ([{"op": "remove", "path": "emails", "value": [{"value": "w@example.com", "type": "home"}]}], {}),
        ([{"op": "remove", "path": "emails"}], {"emails": None}),
        (
            [{"op": "add", "path": f"{CUSTOM_URN}:tags", "value": ["red", "blue"]}],
            {CUSTOM_URN: {**APP, "tags": ["red", "blue"]}},
        ),
        (
            [{"op": "add", "path": f"{CUSTOM_URN}:card.doors", "value": ["A", "b"]}],
            {CUSTOM_URN: {**APP, "card": {"number": "1", "doors": ["a", "b"]}}},
        ),
        (
            [{"op": "remove", "path": f"{CUSTOM_URN}:tags", "value": ["red"]}],
            {CUSTOM_URN: {"badge": "b1", "card": APP["card"]}},
        ),
        # one primary
        (
            [{"op": "add", "path": "emails", "value": [{"value": "o", "primary": True}]}],
            {"emails": [{**WORK, "primary": False}, HOME, {"value": "o", "primary": True}]},
        ),
        (
            [{"op": "replace", "path": 'emails[type eq "home"].primary', "value": "True"}],
            {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
        ),
        # selections
        (
            [{"op": "replace", "path": f"{WORK_EMAIL}.value", "value": "n"}],
            {"emails": [{**WORK, "value": "n"}, HOME]},
        ),
        (
            [{"op": "replace", "path": WORK_EMAIL, "value": {"value": "n"}}],
            {"emails": [{"type": "work", "value": "n"}, HOME]},
        ),
        ([{"op": "add", "path": WORK_EMAIL, "value": {"value": "n"}}], {"emails": [{**WORK, "value": "n"}, HOME]}),
        ([{"op": "remove", "path": WORK_EMAIL}], {"emails": [HOME]}),
        ([{"op": "remove", "path": "emails[value pr]"}], {"emails": None}),
        (
            [{"op": "remove", "path": f"{WORK_EMAIL}.primary"}],
            {"emails": [{"value": "w@example.com", "type": "work"}, HOME]},
        ),
        # an element of which only labels are left has gone
        ([{"op": "remove", "path": f"{WORK_EMAIL}.value"}], {"emails": [HOME]}),
        ([{"op": "replace", "path": f"{WORK_EMAIL}.value", "value": None}], {"emails": [HOME]}),
        ([{"op": "remove", "path": OTHER_EMAIL}], {}),
        # a selection that matches nothing creates one element (Entra ID)
        (
            [
                {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Oslo"},
                {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "NO"},
            ],
            {"addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}]},
        ),
        (
            [{"op": "Replace", "path": 'roles[primary eq "True"].value', "value": "admin"}],
            {"roles": [{"primary": True, "value": "admin"}]},
        ),
        (
            [{"op": "Replace", "path": 'emails[type eq "other" and primary eq true]', "value": {"value": "o"}}],
            {"emails": [{**WORK, "primary": False}, HOME, {"type": "other", "primary": True, "value": "o"}]},
        ),
        # a sub-attribute of all elements
        (
            [{"op": "replace", "path": "emails.display", "value": "x"}],
            {"emails": [{**WORK, "display": "x"}, {**HOME, "display": "x"}]},
        ),
        ([{"op": "add", "path": "phoneNumbers.value", "value": "1"}], {"phoneNumbers": [{"value": "1"}]}),
        # elements that become alike are one, and it is primary where one of them was
        (
            [{"op": "replace", "path": "emails[value pr]", "value": {"value": "o", "type": "other"}}],
            {"emails": [{"value": "o", "type": "other"}]},
        ),
        (
            [
                {"op": "replace", "path": "emails.value", "value": "o"},
                {"op": "replace", "path": 'emails[type eq "home"].primary', "value": True},
                {"op": "replace", "path": "emails.type", "value": "other"},
            ],
            {"emails": [{"value": "o", "type": "other", "primary": True}]},
        ),
        # an immutable attribute may be set again to what it is
        ([{"op": "replace", "path": f"{CUSTOM_URN}:badge", "value": "b1"}], {}),
    ],
)
def test_operations(operations: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    assert changed(*operations) == expected


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ({"op": "replace", "path": 'emails[type ne "x" and value eq "none"]', "value": {"value": "x"}}, NoTarget),
        ({"op": "replace", "path": 'emails[value co "none"].display', "value": "x"}, NoTarget),
        ({"op": "replace", "path": 'emails[value eq "none"].value', "value": "x"}, NoTarget),
        ({"op": "replace", "path": 'emails[type eq "a" and type eq "b"].value', "value": "x"}, NoTarget),
        ({"op": "replace", "path": 'manager[value eq "none"].$ref', "value": "x"}, NoTarget),
        ({"op": "remove", "path": "userName"}, MutabilityViolation),
        ({"op": "replace", "path": "userName", "value": None}, MutabilityViolation),
        ({"op": "replace", "path": f"{CUSTOM_URN}:badge", "value": "b2"}, MutabilityViolation),
        ({"op": "remove", "path": f"{CUSTOM_URN}:badge"}, MutabilityViolation),
        ({"op": "replace", "path": f"{CUSTOM_URN}:card.number", "value": "2"}, MutabilityViolation),
    ],
)
def test_refused(operation: dict[str, Any], error: type[ScimError]) -> None:
    with pytest.raises(error):
        patched(operation)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "replace", "path": "name", "value": {"familyName": "x"}}, {"name": {"familyName": "x"}}),
        ({"op": "replace", "path": "name", "value": {"middleName": None}}, {"name": None}),
        ({"op": "add", "path": "name", "value": {"familyName": "x"}}, {"name": BABS["name"] | {"familyName": "x"}}),
        ({"op": "replace", "path": "name.familyName", "value": "x"}, {"name": BABS["name"] | {"familyName": "x"}}),
        (
            {"op": "replace", "path": f"{ENTERPRISE_URN}:manager", "value": {"$ref": "../Users/m2"}},
            {ENTERPRISE_URN: {"department": "Tour", "manager": {"value": "m2", "$ref": "../Users/m2"}}},
        ),
    ],
)
def test_strict_tenants_replace_a_complex_attribute_as_a_whole(
    operation: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert changed(operation, strict=True) == expected


def test_strict_tenants_create_nothing_by_a_selection() -> None:
    with pytest.raises(NoTarget):
        patched({"op": "add", "path": f"{OTHER_EMAIL}.value", "value": "x"}, strict=True)


def test_operations_can_be_applied_again_when_a_transaction_is_retried() -> None:
    operations = normalise_patch(
        {
            "Operations": [
                {"op": "add", "path": "emails", "value": [{"value": "o", "type": "other", "primary": True}]},
                {"op": "replace", "path": 'emails[type eq "home"]', "value": {"value": "n", "primary": True}},
                {"op": "replace", "path": 'emails[type eq "other"].display', "value": "x"},
            ]
        },
        USER_WITH_APP,
    )
    before = copy.deepcopy(operations)
    first = apply_to_document(BABS, operations, USER_WITH_APP)
    assert operations == before
    assert apply_to_document(BABS, operations, USER_WITH_APP) == first


def test_the_number_of_operations_is_bounded() -> None:
    with pytest.raises(InvalidValue, match="at most"):
        patched(*[{"op": "add", "path": "title", "value": "x"}] * 2_001)


ROLES = [{"value": f"{number:036}", "display": f"Role {number}", "type": "app"} for number in range(1_000)]


def test_a_hundred_of_a_thousand_roles_go_one_by_one() -> None:
    removals = [{"op": "remove", "path": f'roles[value eq "{role["value"]}"]'} for role in ROLES[:100]]
    after = patched(*removals, document={"userName": "x", "roles": ROLES})
    assert after["roles"] == ROLES[100:]


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "remove", "path": f'roles[value eq "{n}" or display eq "{n}"].type'} for n in range(300)],
        [{"op": "remove", "path": "roles[" + " or ".join(f'value eq "{n}"' for n in range(400)) + "]"}],
        [{"op": "add", "path": "roles", "value": [{"value": str(n)}]} for n in range(300)],
        [{"op": "add", "path": "roles.type", "value": str(n)} for n in range(300)],
        [{"op": "remove", "path": "roles", "value": [{"value": str(n)}]} for n in range(300)],
        [
            {"op": "replace", "path": "title", "value": "x"},
            *[{"op": "replace", "path": "roles", "value": ROLES} for _ in range(100)],
        ],
    ],
    ids=["selections", "terms", "additions", "parts", "removals", "replacements"],
)
def test_the_work_of_one_request_is_bounded(operations: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidValue, match="send them in several requests"):
        patched(*operations, document={"userName": "x", "roles": ROLES})


@pytest.mark.parametrize("path", ['emails[display co "x"].display', "emails.type", "emails"])
def test_the_work_on_long_text_is_bounded(path: str) -> None:
    emails = [{"value": str(number), "display": "É" * 65_536} for number in range(100)]
    operation = {"op": "remove", "path": path} | ({"value": [{"value": "x"}]} if path == "emails" else {})
    with pytest.raises(InvalidValue, match="send them in several requests"):
        patched(*[operation] * 5, document={"userName": "x", "emails": emails})


# An oracle written differently: a user as a flat dictionary of its scalars, and its e-mails by type.

SCALARS = ["title", "nickName", "name.givenName", "name.familyName", f"{ENTERPRISE_URN}:department"]
TYPES = ["work", "home", "other"]
TEXTS = st.text("ab", min_size=1, max_size=2)

scalar_steps = st.tuples(
    st.sampled_from(["add", "replace", "remove", "clear", "together"]), st.sampled_from(SCALARS), TEXTS
)


def flat(document: dict[str, Any]) -> dict[str, str]:
    scalars = {name: document.get(name) for name in ("title", "nickName")}
    scalars |= {f"name.{name}": value for name, value in document.get("name", {}).items()}
    scalars |= {f"{ENTERPRISE_URN}:{name}": value for name, value in document.get(ENTERPRISE_URN, {}).items()}
    return {name: value for name, value in scalars.items() if value is not None}


@given(st.lists(scalar_steps, max_size=8))
def test_scalars_against_an_oracle(steps: list[tuple[str, str, str]]) -> None:
    expected: dict[str, str] = {}
    operations: list[dict[str, Any]] = []
    for name, path, text in steps:
        if name in ("remove", "clear"):
            expected.pop(path, None)
            operations.append(
                {"op": "remove", "path": path} if name == "remove" else {"op": "Replace", "path": path, "value": None}
            )
        else:
            expected[path] = text
            operations.append(
                {"op": "replace", "value": {path: text}}
                if name == "together"
                else {"op": name, "path": path, "value": text}
            )
    after = patched(*operations, document={"userName": "x"})
    assert flat(after) == expected
    assert normalise_resource(after, USER_WITH_APP) == after


LABEL_STEPS = {"drop display": "display", "drop primary": "primary", "drop type": "type"}
UNTOUCHED = [{"type": "fax", "display": "a label alone"}, {"display": "another", "primary": False}]
email_steps = st.tuples(
    st.sampled_from(["set", "drop", "drop value", "prefer", "label", *LABEL_STEPS]), st.sampled_from(TYPES), TEXTS
)


@given(st.lists(email_steps, max_size=8), st.sampled_from([[], UNTOUCHED]))
def test_emails_by_type_against_an_oracle(steps: list[tuple[str, str, str]], untouched: list[dict[str, Any]]) -> None:
    expected: dict[str, dict[str, Any]] = {}
    unlabelled: list[dict[str, Any]] = []
    operations: list[dict[str, Any]] = []
    for name, type_, text in steps:
        path = f'emails[type eq "{type_}"]'
        if name == "set":
            expected.setdefault(type_, {"type": type_})["value"] = text
            operations.append({"op": "Add", "path": f"{path}.value", "value": text})
        elif name == "prefer":
            for other in (*expected.values(), *unlabelled):
                if "primary" in other:
                    other["primary"] = False
            expected.setdefault(type_, {"type": type_}).update({"value": text, "primary": True})
            operations.append({"op": "add", "path": path, "value": {"value": text, "primary": "True"}})
        elif name == "label":
            expected.setdefault(type_, {"type": type_})["display"] = text
            operations.append({"op": "add", "path": f"{path}.display", "value": text})
        elif name == "drop":
            expected.pop(type_, None)
            operations.append({"op": "remove", "path": path})
        else:
            part = LABEL_STEPS.get(name, "value")
            operations.append({"op": "remove", "path": f"{path}.{part}"})
            email = expected.get(type_, {})
            if email.pop(part, None) is not None:
                if "value" not in email:
                    del expected[type_]
                elif part == "type":
                    unlabelled.append(expected.pop(type_))
    document = {"userName": "x", "emails": untouched} if untouched else {"userName": "x"}
    emails = patched(*operations, document=document).get("emails", [])
    assert emails[: len(untouched)] == untouched
    found = emails[len(untouched) :]
    assert {email["type"]: email for email in found if "type" in email} == expected
    assert {email["value"] for email in found if "type" not in email} == {email["value"] for email in unlabelled}
    assert sum(email.get("primary") is True for email in found) <= 1
