"""Who gained and lost roles, in one line of bounded length."""

from hypothesis import given
from hypothesis import strategies as st

from scim_operator.local.role_tally import NAMED, RoleTally


def test_gains_and_losses_are_counted_by_role_and_named() -> None:
    tally = RoleTally()
    tally.add("1", gained=["analyst"], lost=["viewer"])
    tally.add("2", gained=["analyst"], lost=[])
    assert tally.describe({"1": "Ada", "2": "Alan"}) == "2 users gained analyst (Ada, Alan), 1 lost viewer (Ada)"


def test_a_user_without_a_name_appears_by_id() -> None:
    tally = RoleTally()
    tally.add("1", gained=["analyst"], lost=[])
    assert tally.describe({}) == "1 user gained analyst (1)"


def test_an_empty_tally_is_false() -> None:
    tally = RoleTally()
    assert not tally
    tally.add("1", gained=[], lost=[])
    assert not tally


@given(st.integers(min_value=1, max_value=200))
def test_all_are_counted_and_few_are_named(users: int) -> None:
    tally = RoleTally()
    for number in range(users):
        tally.add(str(number), gained=["analyst"], lost=[])
    text = tally.describe({})
    assert text.startswith(f"{users} user")
    assert len(tally.named_users) == min(users, NAMED)
    assert (f"and {users - NAMED} more" in text) == (users > NAMED)
