"""Bulk requests as they are read and ordered, without a directory."""

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.bulk import (
    MAX_OPERATIONS,
    BulkOperation,
    Step,
    completion,
    parse_bulk,
    plan_bulk,
    references,
    resolved,
    without_later,
)
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidSyntax, InvalidValue, ScimError


def _group(name: str, *members: str) -> dict[str, Any]:
    data = {"displayName": name, "members": [{"value": f"bulkId:{member}"} for member in members]}
    return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}


def _user(name: str) -> dict[str, Any]:
    return {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name}}


def _plan(*operations: dict[str, Any]) -> list[Step]:
    return list(parse_bulk({"Operations": list(operations)}).steps)


def _parsed(*operations: Any) -> list[BulkOperation]:
    """In the order of the request."""
    return sorted((step.operation for step in _plan(*operations)), key=lambda operation: operation.index)


def _order(steps: list[Step]) -> list[int]:
    return [step.operation.index for step in steps]


def test_the_order_is_kept_where_nothing_refers_to_anything() -> None:
    assert _order(_plan(_user("a"), _user("b"), _group("g"))) == [0, 1, 2]


def test_what_is_referred_to_comes_first() -> None:
    assert _order(_plan(_group("g", "a", "b"), _user("b"), _user("a"))) == [1, 2, 0]


def test_operations_on_one_target_keep_their_order() -> None:
    patch = {"method": "PATCH", "path": "/Groups/1", "data": {"Operations": [{"value": "bulkId:a"}]}}
    delete = {"method": "DELETE", "path": "/Groups/1"}
    assert _order(_plan(patch, delete, _user("a"))) == [2, 0, 1]


def test_a_target_may_be_created_later_in_the_request() -> None:
    patch = {"method": "PATCH", "path": "/Users/bulkId:a", "data": {"Operations": []}}
    assert _order(_plan(patch, _user("a"))) == [1, 0]


def test_a_circle_is_done_in_two_steps() -> None:
    steps = _plan(_group("a", "b", "u"), _group("b", "a"), _user("u"))
    assert [(step.operation.bulk_id, step.later, step.completes) for step in steps] == [
        ("u", frozenset(), False),
        ("a", {"b"}, False),
        ("b", frozenset(), False),
        ("a", {"b"}, True),
    ]
    first = steps[1]
    assert without_later(first.operation, first.later)["members"] == [{"value": "bulkId:u"}]
    assert completion(first.operation, first.later) == {
        "Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:b"}]}]
    }


def test_somebody_who_manages_himself() -> None:
    operation = _user("a")
    operation["data"][ENTERPRISE_URN] = {"department": "x", "manager": {"value": "bulkId:a"}}
    first, second = _plan(operation)
    assert (set(first.later), second.completes) == ({"a"}, True)
    assert without_later(first.operation, first.later)[ENTERPRISE_URN] == {"department": "x"}
    assert completion(first.operation, first.later)["Operations"] == [
        {"op": "add", "path": f"{ENTERPRISE_URN}:manager", "value": {"value": "bulkId:a"}}
    ]


def test_other_circles_are_refused() -> None:
    operation = _user("a")
    operation["data"]["roles"] = [{"value": "bulkId:a"}]
    first, _ = _plan(operation)
    with pytest.raises(InvalidValue, match="circular"):
        without_later(first.operation, first.later)


GRAPHS = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.sets(st.integers(0, size - 1)), min_size=size, max_size=size)
)


@given(GRAPHS)
def test_every_graph_has_an_order(graph: list[set[int]]) -> None:
    steps = _plan(*(_group(f"g{n}", *(f"g{m}" for m in members)) for n, members in enumerate(graph)))
    created: set[str] = set()
    for step in steps:
        operation = step.operation
        if step.completes:
            assert references(completion(operation, step.later)) == step.later <= created
        else:
            assert references(without_later(operation, step.later)) <= created
            created.add(operation.bulk_id or "")
    assert len(created) == len(graph)
    assert sum(not step.completes for step in steps) == len(graph)


def test_references_are_resolved_wherever_they_stand() -> None:
    data = {
        "members": [{"value": "bulkId:a", "$ref": "../Users/bulkId:a"}, {"value": "bulkId:unknown"}],
        "Operations": [{"op": "remove", "path": 'members[value eq "bulkId:a"]'}],
        "title": "about bulkId:a",
    }
    assert resolved(data, {"a": "1"}) == {
        "members": [{"value": "1", "$ref": "../Users/1"}, {"value": "bulkId:unknown"}],
        "Operations": [{"op": "remove", "path": 'members[value eq "1"]'}],
        "title": "about bulkId:a",
    }


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ("POST", "invalidSyntax"),
        ({}, "invalidSyntax"),
        ({"method": "GET", "path": "/Users/1"}, "invalidSyntax"),
        ({"method": "POST", "path": "/Users", "bulkId": "x"}, "invalidSyntax"),
        ({"method": "POST", "path": "/Users", "bulkId": 1, "data": {}}, "invalidSyntax"),
        ({"method": "PUT", "path": "/Users/1", "data": {}, "version": 1}, "invalidSyntax"),
        *(
            ({"method": method, "path": path, "data": {}}, "invalidPath")
            for method, path in [
                ("POST", "/Users/1"),
                ("POST", "/Bulk"),
                ("POST", "/Users/.search"),
                ("DELETE", "/Users"),
                ("DELETE", "/Users/../Groups"),
                ("DELETE", "/Users/1/2"),
                ("DELETE", "/Users/%2e%2e"),
                ("DELETE", "/Users/1?x=y"),
                ("DELETE", "https://elsewhere.example/Users/1"),
                ("DELETE", "//elsewhere.example/Users"),
                ("DELETE", "/other/tenant/scim/v2/Users/1"),
                ("PATCH", None),
            ]
        ),
    ],
)
def test_an_operation_that_is_refused_alone(operation: Any, scim_type: str) -> None:
    bad, good = _parsed(operation, _user("a"))
    assert bad.refused is not None
    assert (bad.refused.status, bad.refused.scim_type) == (400, scim_type)
    assert good.refused is None
    assert _order(plan_bulk([bad, good])) == [0, 1]


def test_a_name_is_used_once() -> None:
    _, second = _parsed(_user("a"), _user("a"))
    assert second.refused is not None
    assert "bulkId" in second.refused.detail


def test_data_may_not_be_bottomless() -> None:
    data: Any = "x"
    for _ in range(900):
        data = [data]
    (operation,) = _parsed({"method": "PUT", "path": "/Users/1", "data": {"x": data}})
    assert isinstance(operation.refused, InvalidSyntax)


@pytest.mark.parametrize("body", [[], {}, {"Operations": None}, {"Operations": {}}])
def test_what_is_no_bulk_request(body: Any) -> None:
    with pytest.raises(InvalidSyntax):
        parse_bulk(body)


@pytest.mark.parametrize(("limit", "understood"), [(0, None), (-1, None), (1, 1), (None, None)])
def test_fail_on_errors_of_none_never_stops(limit: Any, understood: int | None) -> None:
    assert parse_bulk({"Operations": [], "failOnErrors": limit}).fail_on_errors == understood


@pytest.mark.parametrize("limit", [True, "1", 1.5])
def test_fail_on_errors_is_a_number(limit: Any) -> None:
    with pytest.raises(InvalidValue, match="failOnErrors"):
        parse_bulk({"Operations": [], "failOnErrors": limit})


def test_too_many_operations() -> None:
    with pytest.raises(ScimError) as refused:
        parse_bulk({"Operations": [{}] * (MAX_OPERATIONS + 1)})
    assert refused.value.status == 413


def test_many_operations_in_the_worst_order_are_quick() -> None:
    chain = [_group(f"g{n}", f"g{n + 1}") for n in range(MAX_OPERATIONS - 1)]
    steps = _plan(*chain, _group(f"g{MAX_OPERATIONS - 1}", "g0"))
    assert len(steps) == MAX_OPERATIONS + 1


def test_what_waits_is_not_done_before_what_need_not() -> None:
    """A creation isn't drawn before what stands before it, such as the deletion that makes room for its name."""
    patch = {"method": "PATCH", "path": "/Groups/1", "data": {"Operations": [{"value": "bulkId:a"}]}}
    delete = {"method": "DELETE", "path": "/Users/2"}
    assert _order(_plan(patch, delete, _user("a"))) == [1, 2, 0]


@pytest.mark.parametrize("share", [0.1, 0.3, 1])
def test_groups_with_each_other_as_members_are_planned_in_linear_time(share: float) -> None:
    """Work is counted in lines that run, of which a busy machine runs as many as any other."""

    def lines_run(groups: int) -> int:
        names = [f"g{n}" for n in range(groups)]
        next_ones = range(1, 1 + round(share * groups))
        body = {
            "Operations": [
                _group(name, *(names[(n + step) % groups] for step in next_ones)) for n, name in enumerate(names)
            ]
        }
        count = 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            parse_bulk(body)
        finally:
            sys.settrace(before)
        return count

    # Half the groups with half as many members each have a quarter of the references.
    assert lines_run(200) < 4.5 * lines_run(100)
