"""POST /.search: at the root over users and groups, and for roles (RFC 7644 §3.4.3)."""

from typing import Any

import httpx
import pytest

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@pytest.fixture
async def filled(provider: httpx.AsyncClient) -> httpx.AsyncClient:
    """Users u0 to u4, groups g0 to g2, the first of which has u0 as its member."""
    users = [
        await provider.post("/Users", json={"userName": f"u{number}", "displayName": "x"}) for number in range(5)
    ]
    for number in range(3):
        members = [{"value": users[0].json()["id"]}] if number == 0 else []
        await provider.post("/Groups", json={"displayName": f"g{number}", "members": members})
    return provider


async def _search(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/.search", json=body)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    assert page["schemas"] == [LIST]
    assert page["itemsPerPage"] == len(page["Resources"])
    return page


def _names(page: dict[str, Any]) -> list[str]:
    return [each.get("userName") or each["displayName"] for each in page["Resources"]]


ALL = ["u0", "u1", "u2", "u3", "u4", "g0", "g1", "g2"]


async def test_everything(filled: httpx.AsyncClient) -> None:
    page = await _search(filled)
    assert (page["totalResults"], page["startIndex"], _names(page)) == (8, 1, ALL)
    assert [each["meta"]["resourceType"] for each in page["Resources"]] == ["User"] * 5 + ["Group"] * 3
    assert len(page["Resources"][5]["members"]) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
async def test_pages(filled: httpx.AsyncClient, count: int) -> None:
    by_index: list[str] = []
    while len(by_index) < 8:
        page = await _search(filled, startIndex=len(by_index) + 1, count=count)
        assert page["totalResults"] == 8
        by_index += _names(page)
    assert by_index == ALL
    by_cursor: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await _search(filled, cursor=cursor, count=count)
        assert page["totalResults"] == 8
        assert len(page["Resources"]) == min(count, 8 - len(by_cursor))
        by_cursor += _names(page)
        cursor = page.get("nextCursor")
    assert by_cursor == ALL


async def test_filters(filled: httpx.AsyncClient) -> None:
    assert _names(await _search(filled, filter='displayName eq "x"')) == ALL[:5]
    assert _names(await _search(filled, filter='displayName eq "g1"')) == ["g1"]
    assert _names(await _search(filled, filter='meta.resourceType eq "Group"')) == ALL[5:]
    assert _names(await _search(filled, filter='userName eq "u1"')) == ["u1"]
    assert _names(await _search(filled, filter="members pr")) == ["g0"]


async def test_attributes(filled: httpx.AsyncClient) -> None:
    page = await _search(filled, attributes=["displayName"], filter='displayName eq "g0" or displayName eq "x"')
    assert {frozenset(each) for each in page["Resources"]} == {frozenset({"schemas", "id", "displayName"})}


async def test_an_order_within_one_type(filled: httpx.AsyncClient) -> None:
    page = await _search(filled, filter="userName pr", sortBy="userName", sortOrder="descending", count=2)
    assert _names(page) == ["u4", "u3"]


@pytest.mark.parametrize(
    ("body", "scim_type"),
    [
        ({"filter": 'nonsense eq "x"'}, "invalidFilter"),
        ({"sortBy": "displayName"}, "invalidPath"),
        ({"sortBy": "userName"}, "invalidPath"),
        ({"filter": "userName pr", "sortBy": "members"}, "invalidPath"),
        ({"cursor": "nonsense"}, "invalidCursor"),
        ({"cursor": "User.nonsense"}, "invalidCursor"),
        ({"cursor": "Group.nonsense"}, "invalidCursor"),
        ({"cursor": "", "count": 0}, "invalidCount"),
        ({"startIndex": []}, "invalidValue"),
    ],
)
async def test_what_is_refused(filled: httpx.AsyncClient, body: dict[str, Any], scim_type: str) -> None:
    answer = await filled.post("/.search", json=body)
    assert (answer.status_code, answer.json()["scimType"]) == (400, scim_type)


async def test_a_reader_may_search(filled: httpx.AsyncClient, application: httpx.AsyncClient) -> None:
    assert _names(await _search(application)) == ALL
