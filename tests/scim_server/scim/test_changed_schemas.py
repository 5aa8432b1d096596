import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.changed_schemas import fit_document
from scim_server.scim.core_schemas import USER_URN
from scim_server.scim.schema import Attribute, Schema
from scim_server.scim.strict import check_resource
from tests.scim_server.scim.strategies import CUSTOM, CUSTOM_URN, USER_WITH_APP, users

COMPLEX = (Attribute("value"), Attribute("floors", "integer", multi_valued=True))


@pytest.mark.parametrize(
    ("attribute", "stored", "expected"),
    [
        (Attribute("a"), "x", "x"),
        (Attribute("a"), ["x"], "x"),
        (Attribute("a"), ["x", "y"], None),
        (Attribute("a"), 1, None),
        (Attribute("a"), {"value": "x"}, None),
        (Attribute("a", multi_valued=True), "xy", ["xy"]),
        (Attribute("a", multi_valued=True), ["x", 1, "y"], ["x", "y"]),
        (Attribute("a", multi_valued=True), 1, None),
        (Attribute("a", "boolean"), "true", None),
        (Attribute("a", "integer"), True, None),
        (Attribute("a", "integer"), 2.5, None),
        (Attribute("a", "decimal"), 2, 2),
        (Attribute("a", "dateTime"), "2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
        (Attribute("a", "dateTime"), "soon", None),
        (Attribute("a", "complex", sub_attributes=COMPLEX), {"value": "x", "gone": 1}, {"value": "x"}),
        (Attribute("a", "complex", sub_attributes=COMPLEX), {"value": 1}, None),
        (Attribute("a", "complex", sub_attributes=COMPLEX), [{"floors": 1}], {"floors": [1]}),
        (Attribute("a", "complex", sub_attributes=COMPLEX), "x", None),
        (Attribute("a", "complex", multi_valued=True, sub_attributes=COMPLEX), {"value": "x"}, [{"value": "x"}]),
    ],
)
def test_a_value_is_taken_as_it_is_declared(attribute: Attribute, stored: Any, expected: Any) -> None:
    schema = Schema("urn:x", "x", "", (attribute, Attribute("b")))
    document = {"userName": "u", "urn:x": {"a": stored, "b": "stays", "undeclared": [1]}}
    found = fit_document(document, [schema])["urn:x"]
    assert found == {"b": "stays", "undeclared": [1]} | ({} if expected is None else {"a": expected})


def test_an_extension_of_which_nothing_fits_is_gone() -> None:
    schema = Schema("urn:x", "x", "", (Attribute("a", "integer"),))
    assert fit_document({"userName": "u", "urn:x": {"a": "x"}}, [schema]) == {"userName": "u"}


@given(users())
def test_what_fits_is_not_even_copied(user: dict[str, Any]) -> None:
    assert fit_document(user, [CUSTOM]) is user


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["value", "number", "doors"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([attribute.name for attribute in CUSTOM.attributes]), VALUES))
def test_whatever_is_stored_comes_out_as_the_schema_says(values: dict[str, Any]) -> None:
    document = {"userName": "u", CUSTOM_URN: values}
    before = copy.deepcopy(document)
    after = fit_document(document, [CUSTOM])
    assert document == before
    check_resource({**after, "schemas": [USER_URN, CUSTOM_URN]}, USER_WITH_APP)
    assert fit_document(after, [CUSTOM]) is after
