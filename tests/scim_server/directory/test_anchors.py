"""Which anchors are kept of a list, and for how long one holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.directory.anchors import Anchor, Anchors, ListName
from scim_server.storage.records import Counters, Position

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNTERS = Counters(added=1000, removed=10)
USERS = ListName("acme/okta", "User")


def _anchor(index: int, resource: str | None = None, age: timedelta = timedelta(days=300)) -> Anchor:
    return Anchor(index, Position(NOW - age, resource or str(index)), COUNTERS, NOW)


def _walk(anchors: Anchors, of: ListName, *indexes: int) -> None:
    for index in indexes:
        anchors.add(of, _anchor(index))


def _nearest(anchors: Anchors, of: ListName, index: int) -> int | None:
    anchor = anchors.nearest(of, index)
    assert anchor is None or anchor.position.id == str(anchor.index)
    return None if anchor is None else anchor.index


def test_the_nearest_anchor_before_an_index() -> None:
    anchors = Anchors()
    assert _nearest(anchors, USERS, 100) is None
    _walk(anchors, USERS, 100, 300, 200)
    assert [_nearest(anchors, USERS, index) for index in (99, 100, 250, 10_000)] == [None, 100, 200, 300]
    for other in (replace(USERS, tenant="acme/other"), replace(USERS, resource_type="Group")):
        assert _nearest(anchors, other, 100) is None


def test_a_page_read_again_moves_its_end() -> None:
    anchors = Anchors()
    for resource in ("a", "b"):
        anchors.add(USERS, _anchor(100, resource))
    assert anchors.nearest(USERS, 100) == _anchor(100, "b")


def test_long_walks_take_little_memory_and_stay_near() -> None:
    anchors = Anchors()
    _walk(anchors, USERS, *range(100, 1_000_001, 100))
    assert _nearest(anchors, USERS, 1_000_000) == 1_000_000
    assert _nearest(anchors, USERS, 100) is None


def test_several_parts_of_a_list_at_once() -> None:
    anchors = Anchors()
    for index in range(100, 100_001, 100):
        for part in (0, 900_000):
            _walk(anchors, USERS, part + index)
            assert _nearest(anchors, USERS, part + index + 50) == part + index


@pytest.mark.parametrize(("age", "holds"), [(timedelta(minutes=4), False), (timedelta(minutes=6), True)])
def test_an_anchor_outlives_what_is_added_later(age: timedelta, holds: bool) -> None:
    """A young one may have resources added before it: by transactions that began earlier and are committed later."""
    anchor = _anchor(100, age=age)
    assert anchor.holds(COUNTERS)
    assert anchor.holds(Counters(added=1001, removed=10)) is holds
    assert not anchor.holds(Counters(added=1000, removed=11))


def test_what_no_longer_holds_is_forgotten() -> None:
    anchors = Anchors()
    anchors.add(USERS, _anchor(100))
    anchors.add(USERS, _anchor(200, age=timedelta()))
    anchors.forget_stale(USERS, Counters(added=1001, removed=10))
    assert _nearest(anchors, USERS, 200) == 100
    anchors.forget_stale(USERS, Counters(added=1001, removed=11))
    assert _nearest(anchors, USERS, 200) is None


def test_what_is_remembered_is_bounded_in_bytes() -> None:
    """The lists that were walked last are kept."""
    anchors = Anchors(1 << 20)
    lists = [ListName(f"acme/{number}", "User") for number in range(1000)]
    for of in lists:
        _walk(anchors, of, 100, 200)
    kept = [of for of in lists if anchors.nearest(of, 200)]
    assert 0.5 < len(kept) * 2600 / (1 << 20) < 1.5
