"""Pages of a list: `startIndex` and `count` (RFC 7644 §3.4.2.4), `cursor` and `count` (RFC 9865 §2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from scim_server.scim.errors import InvalidCount, InvalidCursor, InvalidValue
from scim_server.scim.schema import JsonObject
from scim_server.scim.values import shown

LIST_RESPONSE_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

LARGEST_INDEX = 2**53
"""Larger start indexes mean this one: JSON numbers are exact up to here, and databases take 64 bits."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list is asked for. `start_index` is 1-based; `count` 0 asks for the total alone.

    `cursor` is None when pages go by index, and empty for the first page of those that go by cursor.
    """

    start_index: int
    count: int
    cursor: str | None = None


def parse_page(
    start_index: str | int | None,
    count: str | int | None,
    cursor: str | None = None,
    *,
    default_count: int,
    max_count: int,
) -> PageRequest:
    """Read the parameters, strings in a URL, numbers in a `.search` body.

    By index, a startIndex below 1 is 1, a negative count 0, one above `max_count` is `max_count` (the RFC lets a
    server return fewer). By cursor, RFC 9865 wants a count that can't be served refused. Raises InvalidValue for what
    isn't an integer, InvalidCount, and InvalidCursor for a cursor with a startIndex.
    """
    if cursor is None:
        start, wanted = _integer("startIndex", start_index, 1), _integer("count", count, default_count)
        return PageRequest(min(max(start, 1), LARGEST_INDEX), min(max(wanted, 0), max_count))
    wanted = _count_by_cursor(count, default_count)
    if not 1 <= wanted <= max_count:
        raise InvalidCount(f"count: 1 to {max_count} is expected, not {shown(str(wanted))}", attribute="count")
    if _integer("startIndex", start_index, 1) != 1:
        raise InvalidCursor("cursor and startIndex exclude each other")
    return PageRequest(1, wanted, cursor)


def list_response(
    resources: Sequence[JsonObject],
    total_results: int,
    start_index: int | None,
    next_cursor: str | None = None,
    previous_cursor: str | None = None,
) -> JsonObject:
    """The answer to a list request; `Resources` is there also when it is empty, for clients that expect it.

    `start_index` is None where pages go by cursor.
    """
    head = envelope(len(resources), total_results, start_index, next_cursor, previous_cursor)
    return head | {"Resources": list(resources)}


def envelope(
    items: int,
    total_results: int,
    start_index: int | None,
    next_cursor: str | None = None,
    previous_cursor: str | None = None,
) -> JsonObject:
    """A list response without its `Resources`."""
    answer: JsonObject = {"schemas": [LIST_RESPONSE_URN], "totalResults": total_results, "itemsPerPage": items}
    if start_index is not None:
        answer["startIndex"] = start_index
    if next_cursor is not None:
        answer["nextCursor"] = next_cursor
    if previous_cursor is not None:
        answer["previousCursor"] = previous_cursor
    return answer


def _count_by_cursor(count: str | int | None, default: int) -> int:
    try:
        return _integer("count", count, default)
    except InvalidValue as error:
        raise InvalidCount(error.detail) from None


def _integer(name: str, given: str | int | None, default: int) -> int:
    if given is None or isinstance(given, int):
        return default if given is None or isinstance(given, bool) else given
    text = given.strip()
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise InvalidValue(
            f"{name}: expected an integer, found {shown(given)}", attribute=name, reason="expected an integer"
        )
    return int(text)
