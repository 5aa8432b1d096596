"""Events of each tenant, in the order of their positions: outbox, feed and history in one table.

Positions ascend, and an event that is committed late is never skipped. SQLite has one writer. On PostgreSQL writers
draw positions without waiting for each other, so that a lower one may be committed after a higher one was. Therefore
a writer first takes a shared advisory lock, until its end, on the highest position that was drawn before: its floor.
Its own positions are higher. A reader (`safe_position`) takes what was drawn by now, then looks for the lowest floor
of those who still write, and reads up to the lower one of the two: what is up to there was drawn by transactions
that have ended, or by the one of that floor, which has drawn only higher ones.

Of one user the order is that of the changes: a writer holds the user's row when it draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from scim_server.provisioning.events import USER_EVENTS, EventType, redacted
from scim_server.scim.schema import JsonObject
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement, Together

_ROWS = "{rows:$N e (id id, type text, time time, user_id id, group_id id, payload text)}"

FLOOR = """
    floor AS MATERIALIZED (
        SELECT pg_advisory_xact_lock_shared(event_floor_class($1), (last_value & 2147483647)::int)
        FROM event_positions
    )
"""
"""Of PostgreSQL: before the positions are drawn."""

INSERT_POSTGRES = f"""
    INSERT INTO events (tenant, position, id, type, time, user_id, group_id, payload)
    SELECT $1, nextval('event_positions'), e.id, e.type, e.time, e.user_id, e.group_id, e.payload
    FROM floor, {_ROWS}
"""

INSERT_SQLITE = f"""
    INSERT INTO events (tenant, id, type, time, user_id, group_id, payload)
    SELECT $1, e.id, e.type, e.time, e.user_id, e.group_id, e.payload FROM {_ROWS}
"""

_SAFE = Together.either(
    postgres=Together(safe="SELECT safe_event_position($1) AS position"),
    # What AUTOINCREMENT has given last, which stays when events are forgotten. There is one writer.
    sqlite=Together(safe="SELECT coalesce(max(seq), 0) AS position FROM sqlite_sequence WHERE name = 'events'"),
)

COLUMNS = "position, id, type, time, user_id, group_id, payload"

_AFTER = Statement(f"""
    SELECT {COLUMNS} FROM events
    WHERE tenant = $1 AND position > $2 AND position <= $3
    ORDER BY position LIMIT $4
""")

_NEWEST = Statement("""
    SELECT position FROM events WHERE tenant = $1 AND position <= $2 ORDER BY position DESC LIMIT 1
""")

_BOUNDS_OF = """
    SELECT coalesce((SELECT events_forgotten FROM tenants WHERE tenant = $1), 0) AS forgotten,
           (SELECT id FROM events WHERE tenant = $1 AND position = $2) AS id,
           {} AS drawn
"""
_BOUNDS = Together.either(
    postgres=Together(bounds=_BOUNDS_OF.format("(SELECT last_value FROM event_positions)")),
    sqlite=Together(
        bounds=_BOUNDS_OF.format("coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'), 0)")
    ),
)

_FIRST = Statement("SELECT position, time FROM events WHERE tenant = $1 ORDER BY position LIMIT $2")

_FORGET = Statement("DELETE FROM events WHERE tenant = $1 AND position <= $2")

_NOTE_FORGOTTEN = Statement("""
    UPDATE tenants SET events_forgotten = $2 WHERE tenant = $1 AND events_forgotten < $2
""")

_OLDEST = Statement("SELECT position FROM events WHERE tenant = $1 ORDER BY position LIMIT 1")

_OF_USER = Statement(f"""
    SELECT {COLUMNS} FROM events
    WHERE tenant = $1 AND user_id = $2 AND time <= $3 AND type IN (SELECT wanted.value FROM {{texts:$4 wanted}})
    ORDER BY position DESC LIMIT 1
""")

_OF_USERS = Statement("SELECT position, payload FROM events WHERE tenant = $1 AND user_id {in_ids:$2}")

_REWRITE = Statement("UPDATE events SET payload = $3 WHERE tenant = $1 AND position = $2")


@dataclass(frozen=True, slots=True)
class NewEvent:
    type: EventType
    payload: bytes
    id: str
    user_id: str | None = None
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    position: int
    id: str
    type: EventType
    time: datetime
    user_id: str | None
    group_id: str | None
    payload: str
    """See `provisioning.events.with_identity`."""


@dataclass(frozen=True, slots=True)
class EventsAfter:
    """What follows a position."""

    events: Sequence[StoredEvent]
    """The next ones that nothing can precede any more."""
    drawn: int
    """The highest position that was ever given to an event of any tenant."""
    forgotten: int
    """The highest position of an event that is kept no more; 0 while all are."""
    id: str | None
    """Of the event at the position itself, where it is kept."""


def row_of(event: NewEvent, time: object) -> JsonObject:
    """Of the rows that the statements insert."""
    return {
        "id": event.id,
        "type": event.type,
        "time": time,
        "user_id": event.user_id,
        "group_id": event.group_id,
        "payload": orjson.Fragment(event.payload),
    }


async def safe_position(session: Session) -> int:
    """No event at or below this position is yet to come."""
    rows = await session.together(_SAFE, session.tenant)
    position: int = rows["safe"][0]["position"]
    return position


async def after(session: Session, position: int, limit: int) -> Sequence[StoredEvent]:
    """The next events that nothing can precede any more."""
    safe = await safe_position(session)
    rows = await session.fetch(_AFTER, session.tenant, position, safe, limit)
    return [event_of(session, row) for row in rows]


async def page_after(session: Session, position: int, limit: int) -> EventsAfter:
    safe = await safe_position(session)
    rows = await session.fetch(_AFTER, session.tenant, position, safe, limit)
    # Read last: nothing was forgotten before the events were read that isn't seen here.
    bounds = (await session.together(_BOUNDS, session.tenant, position))["bounds"][0]
    found = [event_of(session, row) for row in rows]
    event_id = None if bounds["id"] is None else str(bounds["id"])
    return EventsAfter(found, bounds["drawn"], bounds["forgotten"], event_id)


async def newest_position(session: Session) -> int:
    """Of the events that nothing can precede any more; 0 where there is none."""
    safe = await safe_position(session)
    row = await session.fetch_one(_NEWEST, session.tenant, safe)
    return 0 if row is None else row["position"]


async def forget_first(tx: Transaction, before: datetime, limit: int) -> int:
    """Remove the oldest events, up to the first one that isn't `before`; how many there were, at most `limit`.

    Readers who have not got so far are told.
    """
    old: list[int] = []
    for row in await tx.fetch(_FIRST, tx.tenant, limit):
        if tx.time(row["time"]) >= before:
            break
        old.append(row["position"])
    if not old:
        return 0
    await tx.execute(_NOTE_FORGOTTEN, tx.tenant, old[-1])
    return await tx.execute(_FORGET, tx.tenant, old[-1])


async def note_all_forgotten(tx: Transaction) -> None:
    """None of those that are there by now is kept: their rows are removed with the tenant's."""
    await tx.execute(_NOTE_FORGOTTEN, tx.tenant, await safe_position(tx))


async def oldest_position(session: Session) -> int | None:
    """Of those that are kept."""
    row = await session.fetch_one(_OLDEST, session.tenant)
    return None if row is None else row["position"]


async def newest_of_user(
    session: Session, user_id: str, at: datetime, types: Sequence[EventType] = USER_EVENTS
) -> StoredEvent | None:
    """What the user was then. `types`: of these alone."""
    row = await session.fetch_one(_OF_USER, session.tenant, user_id, at, [*types])
    return None if row is None else event_of(session, row)


async def redact_users(tx: Transaction, user_ids: Sequence[str]) -> None:
    """Their events stay, so that nobody who reads late misses that they were deleted."""
    rows = await tx.fetch(_OF_USERS, tx.tenant, [*user_ids])
    await tx.batch(_REWRITE, [(tx.tenant, row["position"], redacted(row["payload"])) for row in rows])


def event_of(session: Session, row: Row) -> StoredEvent:
    return StoredEvent(
        row["position"],
        str(row["id"]),
        EventType(row["type"]),
        session.time(row["time"]),
        None if row["user_id"] is None else str(row["user_id"]),
        None if row["group_id"] is None else str(row["group_id"]),
        row["payload"],
    )
