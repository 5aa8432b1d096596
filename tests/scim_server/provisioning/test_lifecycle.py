"""The life of a user."""

from datetime import UTC, datetime, timedelta

import pytest

from scim_server.provisioning.lifecycle import NO_DELAY, State, state_after

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DELAY = timedelta(minutes=15)
SOON = NOW + timedelta(minutes=3)


@pytest.mark.parametrize("before", [None, State.ACTIVE])
def test_who_is_set_inactive_is_blocked_first(before: State | None) -> None:
    assert state_after(False, before, None, NOW, DELAY) == (State.BLOCKED, NOW + DELAY)


def test_without_a_delay_a_user_is_deactivated_at_once() -> None:
    assert state_after(False, State.ACTIVE, None, NOW, NO_DELAY) == (State.DEACTIVATED, None)


@pytest.mark.parametrize("before", [None, *State])
def test_who_is_set_active_is_active(before: State | None) -> None:
    assert state_after(True, before, SOON, NOW, DELAY) == (State.ACTIVE, None)


@pytest.mark.parametrize(("before", "at"), [(State.BLOCKED, SOON), (State.DEACTIVATED, None)])
def test_who_is_inactive_stays_what_it_is(before: State, at: datetime | None) -> None:
    assert state_after(False, before, at, NOW, DELAY) == (before, at)
