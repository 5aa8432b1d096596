import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scim_operator.reconcile.schedule import (
    DEBOUNCE,
    DEBOUNCE_LIMIT,
    LEADING_DELAY,
    LONGEST_BACKOFF,
    MOST_TOGETHER,
    SHORTEST_BACKOFF,
    Schedule,
)
from tests.support.examples import few


def schedule() -> Schedule[str]:
    return Schedule(random.Random(1))


def test_the_first_event_after_quiet_acts_at_once() -> None:
    queue = schedule()
    queue.add("a", 100.0)
    due = queue.next_due()
    assert due is not None
    assert due - 100.0 <= 0.1
    assert queue.take(100.0) == []
    assert queue.take(due) == ["a"]


def test_events_of_a_burst_are_put_off_until_it_is_over() -> None:
    queue = schedule()
    queue.add("a", 100.0)
    queue.add("a", 100.02)
    assert queue.take(100.02 + DEBOUNCE - 0.001) == []
    assert queue.take(100.02 + DEBOUNCE) == ["a"]


def test_a_burst_that_does_not_end_is_put_off_only_so_long() -> None:
    queue = schedule()
    now = 100.0
    while queue.take(now) == []:
        queue.add("a", now)
        now += DEBOUNCE / 3
    assert now - 100.0 <= DEBOUNCE_LIMIT + DEBOUNCE


def test_an_event_during_the_work_makes_it_run_once_more() -> None:
    queue = schedule()
    queue.add("a", 0.0)
    assert queue.take(1.0) == ["a"]
    queue.add("a", 1.1)
    queue.add("a", 1.2)
    assert queue.take(9.0) == []
    queue.succeeded("a", 9.0)
    assert queue.take(9.0) == ["a"]
    queue.succeeded("a", 9.1)
    assert queue.next_due() is None


def test_a_failed_key_waits_longer_each_time_and_success_forgets_that() -> None:
    queue = schedule()
    now, delays = 0.0, []
    queue.add("a", now)
    for _ in range(14):
        due = queue.next_due()
        assert due is not None
        assert queue.take(due) == ["a"]
        now = due
        delays.append(queue.failed("a", now))
    assert all(SHORTEST_BACKOFF <= delay <= LONGEST_BACKOFF for delay in delays)
    assert delays[0] <= 2 * SHORTEST_BACKOFF
    assert delays[-1] >= LONGEST_BACKOFF / 2
    due = queue.next_due()
    assert due is not None
    queue.take(due)
    queue.succeeded("a", due)
    queue.add("a", due + 10)
    queue.take(due + 11)
    assert queue.failed("a", due + 11) <= 2 * SHORTEST_BACKOFF


def test_an_event_does_not_wait_for_the_back_off() -> None:
    queue = schedule()
    queue.add("a", 0.0)
    now = 0.0
    for _ in range(6):
        now = queue.next_due() or now
        queue.take(now)
        queue.failed("a", now)
    now += 1.0
    queue.add("a", now)
    due = queue.next_due()
    assert due is not None
    assert due - now == pytest.approx(LEADING_DELAY)


def test_back_off_is_spread() -> None:
    queue = schedule()
    delays = set()
    for key in map(str, range(20)):
        queue.add(key, 0.0)
        for _ in range(5):
            queue.add(key, 0.0)
            while queue.take(10_000.0) == []:
                pass
            delay = queue.failed(key, 0.0)
        delays.add(delay)
    assert len(delays) > 15


def test_a_later_appointment_runs_at_its_time_and_the_earliest_counts() -> None:
    queue = schedule()
    queue.add_after("a", 60.0, 0.0)
    queue.add_after("a", 30.0, 0.0)
    queue.add_after("a", 90.0, 0.0)
    assert queue.take(29.9) == []
    assert queue.take(30.0) == ["a"]
    queue.succeeded("a", 30.0)
    assert queue.next_due() is None


def test_the_one_that_waits_longest_is_taken_first() -> None:
    queue = schedule()
    for index, key in enumerate("cab"):
        queue.add(key, float(index))
    assert [queue.take(100.0) for _ in range(3)] == [["c"], ["a"], ["b"]]


def test_those_of_a_group_that_are_due_are_taken_together_and_the_others_of_it_wait() -> None:
    queue: Schedule[str] = Schedule(random.Random(1), group=lambda key: key[0])
    for key in ("a1", "a2", "b1"):
        queue.add(key, 0.0)
    queue.add_after("a3", 0.0, 0.0)
    assert queue.take(1.0) == ["a1", "a2"]  # what no event asked for comes by itself, afterwards
    queue.add("a4", 1.0)
    assert queue.take(9.0) == ["b1"]
    assert queue.take(9.0) == []
    queue.succeeded("a1", 9.0)
    assert queue.take(9.0) == []
    queue.failed("a2", 9.0)
    assert queue.take(9.0) == ["a4"]
    queue.succeeded("a4", 9.0)
    assert queue.take(9.0) == ["a3"]


def test_only_so_many_are_taken_together() -> None:
    queue: Schedule[int] = Schedule(random.Random(1), group=lambda key: None)
    for key in range(MOST_TOGETHER + 1):
        queue.add(key, 0.0)
    first = queue.take(1.0)
    assert len(first) == MOST_TOGETHER
    for key in first:
        queue.succeeded(key, 1.0)
    assert len(queue.take(1.0)) == 1


class Laws(RuleBasedStateMachine):
    """No key is processed twice at a time, none is lost, none is put off for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: Schedule[str] = Schedule(random.Random(0), group=lambda key: key in "ab")
        self.now = 0.0
        self.running: set[str] = set()
        self.owed: dict[str, float] = {}
        """Keys with an event that no work began after, and when the first such event came."""

    keys = st.sampled_from("abc")
    group_of = {"a": "ab", "b": "ab", "c": "c"}  # noqa: RUF012 - of the test

    @rule(key=keys)
    def event(self, key: str) -> None:
        self.queue.add(key, self.now)
        self.owed.setdefault(key, self.now)

    @rule(key=keys, delay=st.floats(0.0, 700.0))
    def appointment(self, key: str, delay: float) -> None:
        self.queue.add_after(key, delay, self.now)

    @rule(seconds=st.floats(0.0, 3.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        keys = self.queue.take(self.now)
        assert not self.running & {other for key in keys for other in self.group_of[key]}
        for key in keys:
            self.running.add(key)
            self.owed.pop(key, None)

    @rule(key=keys, fails=st.booleans())
    def finish(self, key: str, fails: bool) -> None:
        if key in self.running:
            self.running.discard(key)
            (self.queue.failed if fails else self.queue.succeeded)(key, self.now)

    @invariant()
    def nothing_is_lost(self) -> None:
        due = self.queue.next_due()
        for key, since in self.owed.items():
            if not self.running & set(self.group_of[key]):
                assert due is not None
                assert due <= since + DEBOUNCE_LIMIT

    def teardown(self) -> None:
        for key in tuple(self.running):
            self.queue.succeeded(key, self.now)
        self.now += 1_000.0
        taken: set[str] = set()
        while keys := self.queue.take(self.now):
            taken |= set(keys)
            for key in keys:
                self.queue.succeeded(key, self.now)
        assert taken >= self.owed.keys()


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=few(100), stateful_step_count=40, deadline=None)
