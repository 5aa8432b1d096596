"""What is remembered of a walk by startIndex."""

from datetime import UTC, datetime

from scim_server.directory.walks import Walks
from scim_server.storage.records import Position

WALK = ("acme/okta", "User", "", "provision")


def _at(number: int) -> Position:
    return Position(datetime(2026, 1, 1, tzinfo=UTC), str(number))


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_nearest_place_before_an_index() -> None:
    walks = Walks()
    assert walks.nearest(WALK, 100) == (0, None)
    for index in (100, 300, 200):
        walks.reached(WALK, index, _at(index))
    assert walks.nearest(WALK, 99) == (0, None)
    assert walks.nearest(WALK, 100) == (100, _at(100))
    assert walks.nearest(WALK, 250) == (200, _at(200))
    assert walks.nearest(WALK, 10_000) == (300, _at(300))
    assert walks.nearest((*WALK[:3], "other"), 100) == (0, None)


def test_a_page_read_again_moves_its_end() -> None:
    walks = Walks()
    walks.reached(WALK, 100, _at(1))
    walks.reached(WALK, 100, _at(2))
    assert walks.nearest(WALK, 100) == (100, _at(2))


def test_a_new_walk_forgets_the_old_one() -> None:
    walks = Walks()
    walks.reached(WALK, 100, _at(100))
    walks.begin(WALK)
    assert walks.nearest(WALK, 100) == (0, None)


def test_long_walks_take_little_memory_and_stay_near() -> None:
    walks = Walks()
    for index in range(100, 1_000_001, 100):
        walks.reached(WALK, index, _at(index))
    assert walks.nearest(WALK, 1_000_000) == (1_000_000, _at(1_000_000))
    assert walks.nearest(WALK, 100) == (0, None)


def test_several_parts_of_a_list_at_once() -> None:
    walks = Walks()
    for index in range(100, 100_001, 100):
        for part in (0, 900_000):
            walks.reached(WALK, part + index, _at(part + index))
            assert walks.nearest(WALK, part + index + 50) == (part + index, _at(part + index))


def test_a_walk_that_rests_too_long_is_forgotten() -> None:
    clock = _Clock()
    walks = Walks(clock)
    walks.reached(WALK, 100, _at(100))
    clock.now = 600
    assert walks.nearest(WALK, 100) == (100, _at(100))
    clock.now = 601
    assert walks.nearest(WALK, 100) == (0, None)


def test_a_total_is_good_for_a_minute_and_until_something_changes() -> None:
    clock = _Clock()
    walks = Walks(clock)
    walks.counted(WALK, "stamp", 7)
    assert walks.total(WALK, "stamp") == 7
    assert walks.total(WALK, "another") is None
    clock.now = 61
    assert walks.total(WALK, "stamp") is None
