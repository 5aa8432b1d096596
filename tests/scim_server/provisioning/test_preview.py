"""Counting who gains and who loses roles."""

from scim_server.provisioning.preview import MOST_EXAMPLES, MOST_USERS, Tally

NONE: frozenset[str] = frozenset()


def test_all_are_counted_and_some_are_named() -> None:
    tally = Tally()
    for number in range(3 * MOST_USERS):
        tally.add(f"gains{number}", NONE, {"admin"})
    for number in range(MOST_USERS // 2):
        tally.add(f"loses{number}", {"viewer", "admin"}, {"viewer"})
    tally.add("stays", {"viewer"}, {"viewer"})
    told = tally.preview("acme/okta")
    assert told.users_in_all == 3 * MOST_USERS + MOST_USERS // 2 + 1
    assert (told.users_changing, told.users_gaining, told.users_losing) == (
        told.users_in_all - 1,
        3 * MOST_USERS,
        MOST_USERS // 2,
    )
    assert (told.gains["admin"].count, told.losses["admin"].count) == (3 * MOST_USERS, MOST_USERS // 2)
    assert len(told.gains["admin"].examples) == len(told.losses["admin"].examples) == MOST_EXAMPLES
    assert len(told.users) == MOST_USERS
    # Those who lose something come first, and none of them is left out for one who gains.
    assert [user.user_name[:5] for user in told.users] == ["loses"] * (MOST_USERS // 2) + ["gains"] * (
        MOST_USERS // 2
    )


def test_whoever_gains_one_role_and_loses_another_is_one_user() -> None:
    tally = Tally()
    tally.add("ada", {"admin"}, {"guest"})
    told = tally.preview("acme/okta")
    assert (told.users_changing, told.users_gaining, told.users_losing) == (1, 1, 1)
    [user] = told.users
    assert (user.user_name, user.gains, user.losses) == ("ada", ("guest",), ("admin",))
