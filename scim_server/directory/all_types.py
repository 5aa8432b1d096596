"""Users and groups in one list (RFC 7644 §3.4.2.1): all users that match, then all groups."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.group_documents import write_groups
from scim_server.directory.groups import groups_page
from scim_server.directory.lists import Listed, ListRequest
from scim_server.directory.output import Output
from scim_server.directory.users import users_page, write_users
from scim_server.scim.errors import InvalidCursor, InvalidPath
from scim_server.scim.paging import PageRequest, envelope
from scim_server.scim.resource import Projection
from scim_server.storage.protocol import Reader
from scim_server.storage.records import GroupRecord, UserRecord

_ORDER = ("User", "Group")
_NONE: Listed[UserRecord] = Listed((), 0, None, None)
_NO_GROUPS: Listed[GroupRecord] = Listed((), 0, None, None)


@dataclass(frozen=True, slots=True)
class _Page:
    """Of users and groups. `next_cursor` begins with the type that the next page begins in."""

    users: Listed[UserRecord]
    groups: Listed[GroupRecord]
    start_index: int | None
    next_cursor: str | None

    @property
    def total(self) -> int:
        return self.users.total + self.groups.total


async def search_all(
    directory: Directory,
    caller: Caller,
    requests: Mapping[str, ListRequest],
    users_shown: Projection,
    groups_shown: Projection,
    out: Output,
) -> None:
    """Write a list response. `requests`: by resource type, for the types that have the attributes of the filter.

    All is read at one instant, since the number of users decides where the groups begin.

    Raises InvalidPath for an order across types; InvalidFilter, InvalidCursor, ExpiredCursor.
    """

    async def work(reader: Reader) -> None:
        page = await _page(directory, caller, requests, reader)
        items = len(page.users.items) + len(page.groups.items)
        head = envelope(items, page.total, page.start_index, page.next_cursor)
        out.write(orjson.dumps(head)[:-1] + b',"Resources":[')
        await write_users(directory, caller, reader, page.users.items, users_shown, out)
        if page.users.items and page.groups.items:
            out.write(b",")
        await write_groups(caller, reader, page.groups.items, groups_shown, out)
        out.write(b"]}")

    await directory.read(caller, work, snapshot=True)


async def _page(
    directory: Directory,
    caller: Caller,
    requests: Mapping[str, ListRequest],
    reader: Reader,
) -> _Page:
    wanted = next(iter(requests.values()))
    if wanted.query.sort_by is not None and len(requests) > 1:
        raise InvalidPath(
            "sortBy: users and groups can't be sorted together; search /Users or /Groups", attribute="sortBy"
        )
    page = wanted.page
    if page.cursor is None:
        users = await _users(directory, caller, requests, page, reader)
        after_users = PageRequest(max(page.start_index - users.total, 1), page.count - len(users.items))
        if page.start_index - 1 + len(users.items) < users.total:  # users fill the page, if only its bytes
            after_users = PageRequest(1, 0)
        groups = await _groups(directory, caller, requests, after_users, reader)
        return _Page(users, groups, page.start_index, None)
    begins_in, _, cursor = page.cursor.partition(".") if page.cursor else (_ORDER[0], "", "")
    if begins_in not in _ORDER:
        raise InvalidCursor("this isn't the nextCursor of such a request")
    only_total = PageRequest(1, 0)
    if begins_in == "Group":
        users = await _users(directory, caller, requests, only_total, reader)
        groups = await _groups(directory, caller, requests, PageRequest(1, page.count, cursor), reader)
    else:
        users = await _users(directory, caller, requests, PageRequest(1, page.count, cursor), reader)
        left = page.count - len(users.items)
        by_cursor = PageRequest(1, left, "") if left and not users.next_cursor else only_total
        groups = await _groups(directory, caller, requests, by_cursor, reader)
    following: str | None
    if users.next_cursor:
        following = f"User.{users.next_cursor}"
    elif groups.next_cursor:
        following = f"Group.{groups.next_cursor}"
    else:
        # Users fill the page, and the next one begins with groups.
        unseen = begins_in == "User" and groups.total and not groups.items
        following = "Group." if unseen else None
    return _Page(users, groups, None, following)


async def _users(
    directory: Directory,
    caller: Caller,
    requests: Mapping[str, ListRequest],
    page: PageRequest,
    reader: Reader,
) -> Listed[UserRecord]:
    request = requests.get("User")
    return await users_page(directory, caller, replace(request, page=page), reader) if request else _NONE


async def _groups(
    directory: Directory, caller: Caller, requests: Mapping[str, ListRequest], page: PageRequest, reader: Reader
) -> Listed[GroupRecord]:
    request = requests.get("Group")
    if request is None:
        return _NO_GROUPS
    return await groups_page(directory, caller, replace(request, page=page), reader)
