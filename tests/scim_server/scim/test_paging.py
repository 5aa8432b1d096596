from typing import Any

import pytest

from scim_server.scim.errors import InvalidValue
from scim_server.scim.paging import LARGEST_INDEX, PageRequest, list_response, parse_page


@pytest.mark.parametrize(
    ("start_index", "count", "page"),
    [
        (None, None, PageRequest(1, 100)),
        ("", " ", PageRequest(1, 100)),
        ("0", "-1", PageRequest(1, 0)),
        ("-5", "0", PageRequest(1, 0)),
        ("101", "100", PageRequest(101, 100)),
        (3, 5, PageRequest(3, 5)),
        ("1", "1000000", PageRequest(1, 200)),
        ("9" * 40, "5", PageRequest(LARGEST_INDEX, 5)),
    ],
)
def test_parameters(start_index: Any, count: Any, page: PageRequest) -> None:
    assert parse_page(start_index, count, default_count=100, max_count=200) == page


@pytest.mark.parametrize(("start_index", "count", "named"), [("x", None, "startIndex"), (None, "1.5", "count")])
def test_what_is_not_an_integer_is_named(start_index: Any, count: Any, named: str) -> None:
    with pytest.raises(InvalidValue, match=named):
        parse_page(start_index, count, default_count=100, max_count=200)
    with pytest.raises(InvalidValue):
        parse_page("9" * 5_000, None, default_count=100, max_count=200)


def test_list_response() -> None:
    assert list_response([{"id": "a"}], 7, 3) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 7,
        "startIndex": 3,
        "itemsPerPage": 1,
        "Resources": [{"id": "a"}],
    }
    assert list_response([], 0, 1)["Resources"] == []
