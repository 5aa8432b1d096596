"""Reading the sync log: pages, from the oldest line to the newest."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from scim_server.storage.ids import FIRST_ID, is_id
from scim_server.storage.index_keys import folded_key, index_key
from scim_server.storage.log_query import LogPosition, LogQuery, statuses_of
from scim_server.storage.session import Session
from scim_server.storage.statement import Statement
from scim_server.storage.tables.sync_log import COLUMNS, LogLine, line_of_row

_ASKED_FOR = """
    tenant = $1 AND (time, id) > ({time:$2}, {id:$3}) AND time < {time:$4}
    AND status BETWEEN {integer:$5} AND {integer:$6} AND operation LIKE {text:$7} ESCAPE '!'
"""

_ABOUT = """
    AND (
        resource_type = {text:$9} AND (
            resource_id IN (SELECT one.value FROM {texts:$10 one})
            OR resource_name IN (SELECT one.value FROM {texts:$11 one})
        )
        OR request_id IN (SELECT one.value FROM {texts:$12 one})
    )
"""

_PAGE = Statement(f"SELECT {COLUMNS} FROM sync_log WHERE {_ASKED_FOR} ORDER BY time, id LIMIT $8")
_PAGE_ABOUT = Statement(f"SELECT {COLUMNS} FROM sync_log WHERE {_ASKED_FOR} {_ABOUT} ORDER BY time, id LIMIT $8")

_FROM_THE_END = "ORDER BY time DESC, id DESC LIMIT 1 OFFSET $8"
_BEFORE_LAST = Statement(f"SELECT time, id FROM sync_log WHERE {_ASKED_FOR} {_FROM_THE_END}")
_BEFORE_LAST_ABOUT = Statement(f"SELECT time, id FROM sync_log WHERE {_ASKED_FOR} {_ABOUT} {_FROM_THE_END}")

# `requests`: in the events of a user stands which requests changed it, and so its roles.
_USERS = Statement("""
    SELECT id FROM users WHERE tenant = $1 AND (id = {id:$2} OR user_name_key = $3 OR external_id_key = $4)
    UNION SELECT id FROM tombstones
    WHERE tenant = $1 AND type = 'User' AND (id = {id:$2} OR user_name = $4 OR external_id = $4)
""")
_GROUPS = Statement("""
    SELECT id FROM groups WHERE tenant = $1 AND (id = {id:$2} OR display_name_key = $3 OR external_id_key = $4)
    UNION SELECT id FROM tombstones WHERE tenant = $1 AND type = 'Group' AND (id = {id:$2} OR external_id = $4)
""")
_EVENTS = Statement("""
    SELECT payload FROM events WHERE tenant = $1 AND user_id {in_ids:$2} ORDER BY position DESC LIMIT $3
""")
_MOST_EVENTS = 2000
"""Of a user, the newest, whose requests are looked for."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)


async def page(session: Session, query: LogQuery, after: LogPosition | None, limit: int) -> Sequence[LogLine]:
    """The next lines, the oldest first. Raises ValueError for an unknown outcome."""
    about = await _about(session, query)
    statement = _PAGE if about is None else _PAGE_ABOUT
    rows = await session.fetch(statement, *_asked_for(session, query, after), limit, *(about or ()))
    return [line_of_row(session, row) for row in rows]


async def before_last(session: Session, query: LogQuery, count: int) -> LogPosition | None:
    """After which the last `count` lines come; None where there are no more than those."""
    about = await _about(session, query)
    statement = _BEFORE_LAST if about is None else _BEFORE_LAST_ABOUT
    row = await session.fetch_one(statement, *_asked_for(session, query, None), count, *(about or ()))
    return None if row is None else LogPosition(session.time(row["time"]), str(row["id"]))


def _asked_for(session: Session, query: LogQuery, after: LogPosition | None) -> tuple[object, ...]:
    start = after or LogPosition(query.since or _EVER, FIRST_ID)
    words = (query.operation or "").lower()
    for special in "!%_":
        words = words.replace(special, f"!{special}")
    lowest, highest = statuses_of(query.outcome)
    return session.tenant, start.time, start.id, query.until or _NEVER, lowest, highest, f"%{words}%"


async def _about(session: Session, query: LogQuery) -> tuple[object, ...] | None:
    """Of which user or group: the type, ids, names and requests."""
    asked = query.user if query.user is not None else query.group
    if asked is None:
        return None
    if query.user is None:
        return "Group", await _ids_of(session, _GROUPS, asked), [asked], []
    ids = await ids_of_user(session, asked)
    events = await session.fetch(_EVENTS, session.tenant, ids, _MOST_EVENTS) if ids else ()
    causes = (orjson.loads(row["payload"]).get("cause", {}) for row in events)
    return "User", ids, [asked], sorted({cause["requestId"] for cause in causes if "requestId" in cause})


async def ids_of_user(session: Session, called: str) -> list[str]:
    """Of all whose id, userName or externalId it is, or was before they were deleted."""
    return await _ids_of(session, _USERS, called)


async def _ids_of(session: Session, statement: Statement, called: str) -> list[str]:
    by_id = called.lower() if is_id(called.lower()) else FIRST_ID
    rows = await session.fetch(statement, session.tenant, by_id, folded_key(called), index_key(called))
    return [str(row["id"]) for row in rows]
