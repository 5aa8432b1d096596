"""Looking for events, as people do."""

from collections.abc import Sequence
from datetime import UTC, datetime

from scim_server.storage.event_query import EventQuery
from scim_server.storage.session import Session
from scim_server.storage.statement import Statement
from scim_server.storage.tables.events import COLUMNS, StoredEvent, event_of, safe_position
from scim_server.storage.tables.sync_log_reading import ids_of_user

_ASKED_FOR = """
    tenant = $1 AND position <= $2 AND time >= {time:$3} AND type IN (SELECT one.value FROM {texts:$4 one})
"""
_OF_USER = "AND user_id {in_ids:$5}"
_NEXT = "AND position > $6 ORDER BY position LIMIT $7"
_FROM_THE_END = "ORDER BY position DESC LIMIT 1 OFFSET $6"

_PAGE = Statement(f"SELECT {COLUMNS} FROM events WHERE {_ASKED_FOR} {_NEXT.replace('$6', '$5').replace('$7', '$6')}")
_PAGE_OF_USER = Statement(f"SELECT {COLUMNS} FROM events WHERE {_ASKED_FOR} {_OF_USER} {_NEXT}")

_BEFORE_LAST = Statement(f"SELECT position FROM events WHERE {_ASKED_FOR} {_FROM_THE_END.replace('$6', '$5')}")
_BEFORE_LAST_OF_USER = Statement(f"SELECT position FROM events WHERE {_ASKED_FOR} {_OF_USER} {_FROM_THE_END}")

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


async def page(session: Session, query: EventQuery, position: int, limit: int) -> tuple[Sequence[StoredEvent], int]:
    """The next ones after a position, and the position up to which there are no more."""
    asked, safe = await _asked_for(session, query)
    statement = _PAGE if query.user is None else _PAGE_OF_USER
    rows = await session.fetch(statement, *asked, position, limit)
    found = [event_of(session, row) for row in rows]
    return found, found[-1].position if len(found) == limit else max(position, safe)


async def before_last(session: Session, query: EventQuery, count: int) -> int:
    """The position after which the last `count` events come; 0 where there are no more than those."""
    asked, _ = await _asked_for(session, query)
    row = await session.fetch_one(_BEFORE_LAST if query.user is None else _BEFORE_LAST_OF_USER, *asked, count)
    return 0 if row is None else row["position"]


async def _asked_for(session: Session, query: EventQuery) -> tuple[tuple[object, ...], int]:
    safe = await safe_position(session)
    asked: tuple[object, ...] = (session.tenant, safe, query.since or _EVER, [*query.types])
    if query.user is not None:
        asked += (await ids_of_user(session, query.user),)
    return asked, safe
