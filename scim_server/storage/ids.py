"""Ids of users and groups."""

import re

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

FIRST_ID = "00000000-0000-0000-0000-000000000000"
"""Every id comes after it."""


def is_id(text: str) -> bool:
    """Whether this may be an id of ours: a canonical lower-case UUID."""
    return _ID.fullmatch(text) is not None
