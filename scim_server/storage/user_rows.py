"""Rows of several users of which only so many are read at once."""

from collections.abc import Sequence

MOST_ROWS = 10_000
"""Of `groups_of` and of `effective_roles`, for all users of a call together."""


def read_whole(user_ids: Sequence[str], last: str | None) -> Sequence[str]:
    """The users, in the order in which their rows were read, whose rows all are there.

    `last`: the one of the first row that is too many. Where that is the first user, what was read of it has to do.
    """
    return user_ids if last is None else user_ids[: max(1, user_ids.index(last))]
