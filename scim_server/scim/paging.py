"""Pages of a list: `startIndex` and `count` (RFC 7644 §3.4.2.4)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from scim_server.scim.errors import InvalidValue
from scim_server.scim.schema import JsonObject
from scim_server.scim.values import shown

LIST_RESPONSE_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

LARGEST_INDEX = 2**53
"""Larger start indexes mean this one: JSON numbers are exact up to here, and databases take 64 bits."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list is asked for. `start_index` is 1-based; `count` 0 asks for the total alone."""

    start_index: int
    count: int


def parse_page(
    start_index: str | int | None, count: str | int | None, *, default_count: int, max_count: int
) -> PageRequest:
    """Read the parameters, strings in a URL, numbers in a `.search` body.

    A startIndex below 1 is 1, a negative count 0, one above `max_count` is `max_count` (the RFC lets a server
    return fewer). Raises InvalidValue for what isn't an integer.
    """
    start = _integer("startIndex", start_index, 1)
    return PageRequest(
        min(max(start, 1), LARGEST_INDEX), min(max(_integer("count", count, default_count), 0), max_count)
    )


def list_response(resources: Sequence[JsonObject], total_results: int, start_index: int) -> JsonObject:
    """The answer to a list request; `Resources` is there also when it is empty, for clients that expect it."""
    return {
        "schemas": [LIST_RESPONSE_URN],
        "totalResults": total_results,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def _integer(name: str, given: str | int | None, default: int) -> int:
    if given is None or isinstance(given, int):
        return default if given is None or isinstance(given, bool) else given
    text = given.strip()
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise InvalidValue(f"{name}: expected an integer, found {shown(given)}")
    return int(text)
