"""What is remembered of lists, and for how long a place holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.directory.walks import ListName, Walks
from scim_server.storage.records import Counted, Position, SortKey, Stamp

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
STAMP = Stamp(users=Counted(1000, 10), groups=Counted(20, 2), changed=77, revision=3, settled=True)
PLAIN = ListName("acme/okta", 1, "User", "", plain=True, moves=False)
SORTED = replace(PLAIN, identity="sorted by title", plain=False)
MOVING = replace(SORTED, identity="blocked users", moves=True)


def _at(number: int, key: SortKey = None) -> Position:
    """Of a resource that is old."""
    return Position(datetime(2025, 1, 1, tzinfo=UTC), str(number), key)


def _walk(walks: Walks, of: ListName, *indexes: int, key: SortKey = None) -> None:
    for index in indexes:
        walks.reached(of, of.place(index, _at(index, key), STAMP, NOW))


def _nearest(walks: Walks, of: ListName, index: int) -> int | None:
    place = walks.nearest(of, index)
    assert place is None or place.position.id == str(place.index)
    return None if place is None else place.index


def test_the_nearest_place_before_an_index() -> None:
    walks = Walks()
    assert _nearest(walks, PLAIN, 100) is None
    _walk(walks, PLAIN, 100, 300, 200)
    assert [_nearest(walks, PLAIN, index) for index in (99, 100, 250, 10_000)] == [None, 100, 200, 300]
    for other in (
        replace(PLAIN, tenant="acme/other"),
        replace(PLAIN, revision=2),
        replace(PLAIN, resource_type="Group"),
        SORTED,
    ):
        assert _nearest(walks, other, 100) is None


def test_a_page_read_again_moves_its_end() -> None:
    walks = Walks()
    for number in (1, 2):
        walks.reached(SORTED, SORTED.place(100, _at(number), STAMP, NOW))
    place = walks.nearest(SORTED, 100)
    assert place is not None
    assert place.position == _at(2)


def test_long_walks_take_little_memory_and_stay_near() -> None:
    walks = Walks()
    _walk(walks, PLAIN, *range(100, 1_000_001, 100))
    assert _nearest(walks, PLAIN, 1_000_000) == 1_000_000
    assert _nearest(walks, PLAIN, 100) is None


def test_several_parts_of_a_list_at_once() -> None:
    walks = Walks()
    for index in range(100, 100_001, 100):
        for part in (0, 900_000):
            _walk(walks, PLAIN, part + index)
            assert _nearest(walks, PLAIN, part + index + 50) == part + index


@pytest.mark.parametrize("changed", [
    replace(STAMP, users=Counted(1001, 10)),
    replace(STAMP, users=Counted(1000, 11)),
    replace(STAMP, groups=Counted(21, 2)),
    replace(STAMP, changed=78),
    replace(STAMP, revision=4),
    replace(STAMP, settled=False),
])  # fmt: skip
def test_a_place_in_any_other_order_holds_until_anything_changes(changed: Stamp) -> None:
    place = SORTED.place(100, _at(100), STAMP, NOW)
    assert SORTED.holds(place, STAMP)
    assert not SORTED.holds(place, changed)


def test_nothing_holds_while_roles_change_uncounted() -> None:
    unsettled = replace(STAMP, settled=False)
    assert not SORTED.holds(SORTED.place(100, _at(100), unsettled, NOW), unsettled)


def test_nothing_holds_that_moves_with_the_time() -> None:
    assert not MOVING.holds(MOVING.place(100, _at(100), STAMP, NOW), STAMP)


@pytest.mark.parametrize(("age", "holds"), [(timedelta(minutes=4), False), (timedelta(minutes=6), True)])
def test_a_place_in_the_order_of_creation_outlives_what_is_added_later(age: timedelta, holds: bool) -> None:
    """Of young ones some may be added before it: by transactions that began earlier and are committed later."""
    place = PLAIN.place(100, Position(NOW - age, "x"), STAMP, NOW)
    assert PLAIN.holds(place, STAMP)
    assert PLAIN.holds(place, replace(STAMP, groups=Counted(25, 5), changed=99, revision=4, settled=False))
    assert PLAIN.holds(place, replace(STAMP, users=Counted(1001, 10))) is holds
    assert not PLAIN.holds(place, replace(STAMP, users=Counted(1000, 11)))


def test_what_no_longer_holds_is_forgotten() -> None:
    walks = Walks()
    _walk(walks, PLAIN, 100)
    walks.reached(PLAIN, PLAIN.place(200, Position(NOW, "200"), STAMP, NOW))
    walks.forget(PLAIN, replace(STAMP, users=Counted(1001, 10)))
    assert _nearest(walks, PLAIN, 200) == 100
    walks.forget(PLAIN, replace(STAMP, users=Counted(1001, 11)))
    assert _nearest(walks, PLAIN, 200) is None


def test_a_total_is_good_until_something_changes() -> None:
    walks = Walks()
    assert walks.total(SORTED, STAMP) is None
    walks.counted(SORTED, STAMP, 7)
    assert walks.total(SORTED, STAMP) == 7
    assert walks.total(SORTED, replace(STAMP, changed=78)) is None
    unsettled = replace(STAMP, settled=False)
    walks.counted(SORTED, unsettled, 7)
    assert walks.total(SORTED, unsettled) is None
    walks.counted(MOVING, STAMP, 7)
    assert walks.total(MOVING, STAMP) is None


@pytest.mark.parametrize("length", [10, 5000])
def test_what_is_remembered_is_bounded_in_bytes(length: int) -> None:
    """The lists that were walked last are kept, whatever their filters' lengths."""
    walks = Walks(1 << 20)
    lists = [replace(SORTED, identity=f"{number:{length}}") for number in range(1000)]
    for of in lists:
        _walk(walks, of, 100, 200, key="x" * 500)
        walks.counted(of, STAMP, 7)
    kept = [of for of in lists if walks.nearest(of, 200)]
    assert kept == [of for of in lists if walks.total(of, STAMP)] == lists[-len(kept) :]
    assert 0.5 < len(kept) * (length + 2 * 500 + 3000) / (1 << 20) < 1.5


def test_a_tenant_with_many_lists_forgets_its_own() -> None:
    walks = Walks(1 << 20)
    _walk(walks, PLAIN, 100)
    for number in range(3000):
        _walk(walks, replace(SORTED, tenant="acme/other", identity=f"{number:04} " + "x" * 4000), 100)
    assert _nearest(walks, PLAIN, 100) == 100
    assert _nearest(walks, replace(SORTED, tenant="acme/other", identity="2999 " + "x" * 4000), 100) == 100
    assert _nearest(walks, replace(SORTED, tenant="acme/other", identity="0000 " + "x" * 4000), 100) is None
