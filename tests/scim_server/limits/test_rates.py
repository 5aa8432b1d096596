"""Laws of the token bucket, with a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.limits.keyed_limit import KeyedLimit
from scim_server.limits.token_bucket import Rate, TokenBucket

RATES = st.builds(Rate, st.floats(0.01, 1000), st.integers(1, 1000))
PAUSES = st.lists(st.floats(0, 100), max_size=200)


@given(RATES, PAUSES)
def test_never_more_than_the_burst_and_the_rate_in_any_interval(rate: Rate, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate), 0.0, []
    for pause in pauses:
        now += pause
        if bucket.take(now) == 0:
            taken.append(now)
    for start in range(len(taken)):
        for end in range(start, len(taken)):
            assert end - start + 1 <= rate.burst + (taken[end] - taken[start]) * rate.per_second + 1e-6


@given(RATES, PAUSES)
def test_whoever_waits_as_long_as_told_is_let_through(rate: Rate, pauses: list[float]) -> None:
    bucket, now = TokenBucket(rate), 0.0
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        if wait:
            now += wait * (1 + 1e-9) + 1e-9
            assert bucket.take(now) == 0


@given(RATES)
def test_the_burst_is_there_at_once_and_not_one_more(rate: Rate) -> None:
    bucket = TokenBucket(rate)
    assert [bucket.take(5.0) == 0 for _ in range(rate.burst + 1)] == [True] * rate.burst + [False]


@given(RATES, st.lists(st.floats(0, 1), min_size=1))
def test_a_refusal_costs_nothing(rate: Rate, fractions: list[float]) -> None:
    asked_often, asked_once, now = TokenBucket(rate), TokenBucket(rate), 0.0
    while not (wait := asked_often.take(now)):
        assert asked_once.take(now) == 0
    for fraction in sorted(fractions):
        now = wait * fraction * 0.99
        assert asked_often.take(now) > 0
    assert asked_often.take(now) == pytest.approx(asked_once.take(now))


def test_a_clock_that_stands_or_goes_back_gives_nothing_away() -> None:
    bucket = TokenBucket(Rate(10, 1))
    assert bucket.take(100.0) == 0
    assert bucket.take(50.0) > 0
    assert bucket.take(100.0) > 0
    assert bucket.take(100.2) == 0


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)])
def test_rates_that_make_no_sense(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="a rate above 0 and a burst of at least 1"):
        Rate(per_second, burst)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 2)), max_size=100))
def test_keys_have_each_their_own_bucket(asked: list[tuple[int, float]]) -> None:
    now = 0.0
    limit = KeyedLimit(Rate(1, 2), clock=lambda: now)
    alone = {key: TokenBucket(Rate(1, 2)) for key in range(6)}
    for key, pause in asked:
        now += pause
        assert limit.take(key) == alone[key].take(now)


@given(st.lists(st.integers(0, 1000), max_size=300))
def test_memory_is_bounded_and_the_busiest_are_remembered(keys: list[int]) -> None:
    limit = KeyedLimit(Rate(0.001, 1), most_keys=10, clock=lambda: 0.0)
    assert limit.take("busy") == 0
    for key in keys:
        limit.take(key)
        assert limit.take("busy") > 0
        assert len(limit) <= 10


def test_without_a_rate_nothing_is_limited_or_remembered() -> None:
    limit = KeyedLimit(None)
    assert [limit.take("key") for _ in range(10_000)] == [0] * 10_000
    assert len(limit) == 0
