from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.errors import InvalidFilter, MutabilityViolation
from scim_server.scim.normalise import normalise_patch
from scim_server.scim.patch import MembersDelta, apply_to_document, plan_group_patch
from scim_server.scim.resource_types import GROUP_TYPE


def plan(*operations: dict[str, Any]) -> MembersDelta:
    return plan_group_patch(normalise_patch({"Operations": list(operations)}, GROUP_TYPE), GROUP_TYPE).members


def entries(*ids: str) -> list[dict[str, str]]:
    return [{"value": member_id} for member_id in ids]


def add(*ids: str) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": entries(*ids)}


def selected(*ids: str) -> str:
    return "members[" + " or ".join(f'value eq "{member_id}"' for member_id in ids) + "]"


@pytest.mark.parametrize(
    ("operations", "delta"),
    [
        ([], MembersDelta()),
        ([add("a"), add("b", "a")], MembersDelta(add=frozenset("ab"))),
        (
            [{"op": "remove", "path": selected("a", "b")}, add("c")],
            MembersDelta(add=frozenset("c"), remove=frozenset("ab")),
        ),
        ([{"op": "remove", "path": selected("a")}, add("a")], MembersDelta(add=frozenset("a"))),
        ([add("a"), {"op": "remove", "path": selected("a")}], MembersDelta(remove=frozenset("a"))),
        ([{"op": "replace", "path": "members", "value": entries("a")}], MembersDelta(replace=frozenset("a"))),
        ([{"op": "replace", "path": "members", "value": []}], MembersDelta(replace=frozenset())),
        ([{"op": "remove", "path": "members"}, add("a")], MembersDelta(replace=frozenset("a"))),
        ([add("a"), {"op": "remove", "path": "members"}], MembersDelta(replace=frozenset())),
        (
            [{"op": "remove", "path": 'members[type eq "User" and value eq "a"]'}],
            MembersDelta(remove=frozenset("a")),
        ),
        (
            [{"op": "remove", "path": 'members[$ref eq "https://h/t/scim/v2/Users/a"]'}],
            MembersDelta(remove=frozenset("a")),
        ),
        ([{"op": "add", "path": selected("a"), "value": {}}], MembersDelta(add=frozenset("a"))),
    ],
)
def test_operations_fold_in_order(operations: list[dict[str, Any]], delta: MembersDelta) -> None:
    assert plan(*operations) == delta
    assert bool(delta) is (delta != MembersDelta())


@pytest.mark.parametrize(
    "selection",
    [
        'display eq "Babs"',
        'value ne "a"',
        'value co "a"',
        'type eq "User"',
        'value eq "a" and value eq "b"',
        'value eq "a" or display eq "b"',
        "value pr",
    ],
)
def test_a_selection_that_would_need_the_members_is_refused(selection: str) -> None:
    with pytest.raises(InvalidFilter, match="members are selected by their ids"):
        plan({"op": "remove", "path": f"members[{selection}]"})


@pytest.mark.parametrize("path", [selected("a"), 'members[value eq "a"].value', "members.type"])
def test_a_member_is_not_changed(path: str) -> None:
    with pytest.raises(MutabilityViolation):
        plan({"op": "replace", "path": path, "value": {"value": "b"} if path.endswith("]") else "b"})


def test_the_document_keeps_its_own_operations() -> None:
    body = {"Operations": [add("a"), {"op": "replace", "value": {"displayName": "New", "id": "x"}}]}
    planned = plan_group_patch(normalise_patch(body, GROUP_TYPE), GROUP_TYPE)
    assert planned.members == MembersDelta(add=frozenset("a"))
    document = apply_to_document({"displayName": "Old", "externalId": "e"}, planned.document_operations, GROUP_TYPE)
    assert document == {"displayName": "New", "externalId": "e"}


IDS = st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3)
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "remove selected", "replace"]), IDS)
    | st.sampled_from(["remove", "replace"]).map(lambda name: (f"{name} all", set())),
    max_size=8,
)


def as_operation(step: tuple[str, set[str]]) -> dict[str, Any]:
    name, ids = step
    match name:
        case "remove selected":
            return {"op": "remove", "path": selected(*sorted(ids))}
        case "remove all":
            return {"op": "Remove", "path": "members"}
        case "replace all":
            return {"op": "Replace", "path": "members", "value": None}
        case _:
            return {"op": name, "path": "members", "value": entries(*sorted(ids))}


def after(members: set[str], step: tuple[str, set[str]]) -> set[str]:
    """One step on a plain set: the oracle."""
    name, ids = step
    if name == "add":
        return members | ids
    if name in ("remove", "remove selected"):
        return members - ids
    return set(ids)


@given(st.sets(st.sampled_from("abcdefgh")), STEPS)
def test_the_delta_does_what_the_operations_do_one_by_one(
    current: set[str], steps: list[tuple[str, set[str]]]
) -> None:
    expected = set(current)
    for step in steps:
        expected = after(expected, step)
    delta = plan(*map(as_operation, steps))
    if delta.replace is not None:
        assert not delta.add
        assert not delta.remove
        assert delta.replace == expected
    else:
        assert not delta.add & delta.remove
        assert (current - delta.remove) | delta.add == expected
