from datetime import UTC, datetime, timedelta, timezone

from scim_operator.api import Condition, set_conditions
from scim_operator.api.conditions import format_time

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def ready(status: bool, reason: str = "Succeeded", message: str = "") -> Condition:
    return Condition.of("Ready", status, reason, message)


def test_a_new_condition_has_the_generation_and_the_time() -> None:
    assert set_conditions([], [ready(True, message="all is well")], 4, NOW) == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Succeeded",
            "message": "all is well",
            "observedGeneration": 4,
            "lastTransitionTime": "2026-11-05T12:00:00Z",
        }
    ]


def test_the_transition_time_moves_only_with_the_status() -> None:
    before = set_conditions([], [ready(False, "A")], 1, NOW)

    other_reason = set_conditions(before, [ready(False, "B")], 2, LATER)
    other_status = set_conditions(before, [ready(True)], 2, LATER)

    assert other_reason[0]["lastTransitionTime"] == "2026-11-05T12:00:00Z"
    assert (other_reason[0]["reason"], other_reason[0]["observedGeneration"]) == ("B", 2)
    assert other_status[0]["lastTransitionTime"] == "2026-11-05T12:05:00Z"


def test_times_have_four_digits_of_year() -> None:
    assert (
        format_time(datetime(7, 8, 9, 1, 2, 3, 999_999, tzinfo=timezone(timedelta(hours=1))))
        == "0007-08-09T00:02:03Z"
    )


def test_equal_facts_give_an_equal_list() -> None:
    before = set_conditions([], [ready(True), Condition.of("Accepted", True, "Accepted", "")], 1, NOW)

    assert set_conditions(before, [ready(True), Condition.of("Accepted", True, "Accepted", "")], 1, LATER) == before


def test_conditions_of_other_types_are_kept_and_the_order_is_by_type() -> None:
    other = {"type": "Zoo", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "x"}

    after = set_conditions([other], [ready(True), Condition.of("Accepted", True, "Accepted", "")], 1, NOW)

    assert [condition["type"] for condition in after] == ["Accepted", "Ready", "Zoo"]
    assert after[2] == other


def test_a_message_keeps_within_the_bound_of_the_api() -> None:
    [condition] = set_conditions([], [ready(False, message="x" * 40_000)], 1, NOW)

    assert len(condition["message"]) == 32_768
    assert condition["message"].endswith("…")


def test_the_callers_list_is_left_alone() -> None:
    before = set_conditions([], [ready(True)], 1, NOW)
    copy = [dict(condition) for condition in before]

    set_conditions(before, [ready(False, "B")], 2, LATER)

    assert before == copy
