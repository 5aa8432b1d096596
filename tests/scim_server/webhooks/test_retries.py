"""provisioning.md, "Events for applications": "retried over three days (`Retry-After` obeyed …)"."""

from datetime import UTC, datetime, timedelta

import pytest

from scim_server.webhooks.retries import LONGEST_PAUSE, TRIED_FOR, delay_after, retry_after

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_delays_grow_and_fill_three_days() -> None:
    assert timedelta(seconds=4) <= delay_after(1) <= timedelta(seconds=6)
    passed, attempts = timedelta(0), 1
    while passed < TRIED_FOR:
        passed += delay_after(attempts)
        attempts += 1
    assert 15 <= attempts <= 30
    assert all(delay_after(100) <= timedelta(hours=7.2) for _ in range(20))
    assert delay_after(100, LONGEST_PAUSE) <= 1.2 * LONGEST_PAUSE
    assert len({delay_after(5) for _ in range(10)}) > 1  # jitter


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sat, 28 Nov 2026 12:01:00 GMT", 60),
        ("Sat, 28 Nov 2026 11:00:00 GMT", 0),
        ("99999999999999999999", 6 * 3600),
        ("soon", None),
        ("Mon, 99999999999999999999 Nov 2026 00:00:00 GMT", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_understood_and_bounded(header: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(header, NOON) == expected
