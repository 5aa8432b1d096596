"""What became of each event at each webhook.

A delivery is pending as long as it is to be tried again, or waits for an earlier one of the same subject. The body
isn't kept here: the event is read again for each attempt.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from scim_server.provisioning.events import EventType
from scim_server.storage.delivery_query import DeliveryPosition, DeliveryQuery, Replay
from scim_server.storage.ids import is_id
from scim_server.storage.records import Delivery, DeliveryState
from scim_server.storage.session import Row, Session, Transaction, optional_time
from scim_server.storage.statement import Statement
from scim_server.storage.tables.events import StoredEvent

_COLUMNS = "webhook, position, event_id, type, subject, time, state, attempts, since, next_at, tried, status, error"
_ALIASED = ", ".join(f"d.{column}" for column in _COLUMNS.split(", "))

_PUT = Statement(f"""
    INSERT INTO deliveries (tenant, {_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (tenant, webhook, position) DO UPDATE
    SET state = excluded.state, attempts = excluded.attempts, next_at = excluded.next_at, tried = excluded.tried,
        status = excluded.status, error = excluded.error
""")

# Those that wait for none of the same subject: the whole row of them, as far as all of it is due.
_DUE = Statement(f"""
    SELECT {_ALIASED}, e.payload AS payload
    FROM (
        SELECT * FROM deliveries d
        WHERE d.tenant = $1 AND d.webhook = $2 AND d.state = 'pending' AND d.next_at <= $3
          AND NOT EXISTS (
              SELECT 1 FROM deliveries earlier
              WHERE earlier.tenant = $1 AND earlier.webhook = $2 AND earlier.state = 'pending'
                AND earlier.subject = d.subject AND earlier.position < d.position AND earlier.next_at > $3
          )
        ORDER BY d.position LIMIT $4
    ) AS d {{left_at:events e (position = d.position)}}
    ORDER BY d.position
""")

# The first of each subject, those first that were not tried for the longest time.
_NEXT = Statement(f"""
    SELECT {_ALIASED}, e.payload AS payload
    FROM (
        SELECT * FROM deliveries d
        WHERE d.tenant = $1 AND d.webhook = $2 AND d.state = 'pending'
          AND NOT EXISTS (
              SELECT 1 FROM deliveries earlier
              WHERE earlier.tenant = $1 AND earlier.webhook = $2 AND earlier.state = 'pending'
                AND earlier.subject = d.subject AND earlier.position < d.position
          )
        ORDER BY d.next_at LIMIT $3
    ) AS d {{left_at:events e (position = d.position)}}
    ORDER BY d.next_at
""")

_WAITING = Statement("""
    SELECT subject.value AS subject FROM {texts:$3 subject}
    WHERE EXISTS (
        SELECT 1 FROM deliveries d
        WHERE d.tenant = $1 AND d.webhook = $2 AND d.state = 'pending' AND d.subject = subject.value
    )
""")

_HURRY = Statement("""
    UPDATE deliveries SET next_at = $3 WHERE tenant = $1 AND webhook = $2 AND state = 'pending' AND next_at > $3
""")

_GIVE_UP = Statement("""
    UPDATE deliveries SET state = 'failed', next_at = NULL, error = coalesce(error, $4)
    WHERE tenant = $1 AND webhook = $2 AND state = 'pending' AND since <= $3
""")

_REPLAY = Statement("""
    INSERT INTO deliveries (tenant, webhook, position, event_id, type, subject, time, state, attempts, since, next_at)
    SELECT e.tenant, w.webhook, e.position, e.id, e.type,
           coalesce(CAST(e.user_id AS text), CAST(e.group_id AS text), ''), e.time, 'pending', 0, {time:$6}, {time:$6}
    FROM webhooks w JOIN events e ON e.tenant = w.tenant
    WHERE w.tenant = $1 AND w.webhook = $2 AND e.position >= $3 AND e.position <= $4 AND e.position <= w.position
      AND e.type IN (SELECT type.value FROM {texts:$5 type})
      AND ({time:$7} IS NULL OR e.time >= $7) AND ({time:$8} IS NULL OR e.time < $8)
    ON CONFLICT (tenant, webhook, position) DO UPDATE
    SET state = 'pending', attempts = 0, since = excluded.since, next_at = excluded.next_at, status = NULL,
        error = NULL
""")

_POSITIONS = Statement("""
    SELECT position FROM events
    WHERE tenant = $1 AND position > $2 AND ({time:$3} IS NULL OR time >= $3) AND ({time:$4} IS NULL OR time < $4)
    ORDER BY position LIMIT $5
""")

_OF_EVENT = Statement(f"SELECT {_COLUMNS} FROM deliveries WHERE tenant = $1 AND event_id = $2 ORDER BY webhook")

_LIST = Statement(f"""
    SELECT {_COLUMNS} FROM deliveries
    WHERE tenant = $1 AND position <= $2 AND (position < $2 OR webhook > $9) AND ({{text:$3}} IS NULL OR webhook = $3)
      AND ({{text:$4}} IS NULL OR state = $4) AND ({{text:$5}} IS NULL OR subject = $5)
      AND ({{time:$6}} IS NULL OR time >= $6) AND ({{time:$7}} IS NULL OR time < $7)
    ORDER BY position DESC, webhook LIMIT $8
""")

_PENDING = Statement("""
    SELECT count(*) AS number, min(time) AS oldest FROM (
        SELECT d.time FROM deliveries d
        WHERE d.tenant = $1 AND d.webhook = $2 AND d.state = 'pending' ORDER BY d.position LIMIT $3
    ) AS pending
""")

_BEHIND = Statement("""
    SELECT count(*) AS number, min(time) AS oldest FROM (
        SELECT e.time FROM events e
        WHERE e.tenant = $1 AND e.position > $2 AND e.type IN (SELECT type.value FROM {texts:$4 type})
        ORDER BY e.position LIMIT $3
    ) AS behind
""")

_FORGET_OLD = Statement("""
    DELETE FROM deliveries WHERE (tenant, webhook, position) IN (
        SELECT tenant, webhook, position FROM deliveries
        WHERE tenant = $1 AND time < $2 AND state <> 'pending' ORDER BY time LIMIT $3
    )
""")

_LAST = 2**62
"""After every position."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    delivery: Delivery
    event: StoredEvent | None
    """None: it is no longer kept."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a webhook has yet to get, of `MOST_COUNTED` at most."""

    number: int
    oldest: datetime | None


MOST_COUNTED = 10_000


async def put(tx: Transaction, deliveries: Iterable[Delivery]) -> None:
    await tx.batch(
        _PUT,
        [
            (
                tx.tenant,
                one.webhook,
                one.position,
                one.event_id,
                one.type,
                one.subject,
                one.time,
                one.state,
                one.attempts,
                one.since,
                one.next_at,
                one.tried,
                one.status,
                one.error,
            )
            for one in deliveries
        ],
    )


async def due(session: Session, webhook: str, now: datetime, limit: int) -> Sequence[DueDelivery]:
    """In order, whole rows of one subject."""
    return [_due_of(session, row) for row in await session.fetch(_DUE, session.tenant, webhook, now, limit)]


async def next_ones(session: Session, webhook: str, limit: int) -> Sequence[DueDelivery]:
    """One of each subject, due or not."""
    return [_due_of(session, row) for row in await session.fetch(_NEXT, session.tenant, webhook, limit)]


async def waiting(session: Session, webhook: str, subjects: Collection[str]) -> set[str]:
    """Those of the subjects for which something is pending."""
    rows = await session.fetch(_WAITING, session.tenant, webhook, [*subjects])
    return {row["subject"] for row in rows}


async def hurry(tx: Transaction, webhook: str) -> None:
    """The receiver is back: everything that is pending is due."""
    await tx.execute(_HURRY, tx.tenant, webhook, tx.now)


async def give_up(tx: Transaction, webhook: str, since: datetime, why: str) -> int:
    """What has been pending since then or before."""
    return await tx.execute(_GIVE_UP, tx.tenant, webhook, since, why)


async def replay(
    tx: Transaction, webhook: str, positions: tuple[int, int], types: Sequence[str], asked: Replay
) -> int:
    """Deliver once more, in their order, those of the events between two positions that are asked for, that the
    webhook is for, and that it is past. How many there are."""
    first, last = positions
    return await tx.execute(_REPLAY, tx.tenant, webhook, first, last, [*types], tx.now, asked.since, asked.until)


async def positions_to_replay(session: Session, after: int, asked: Replay, limit: int) -> Sequence[int]:
    """Of events, in order."""
    rows = await session.fetch(_POSITIONS, session.tenant, after, asked.since, asked.until, limit)
    return [row["position"] for row in rows]


async def of_event(session: Session, event_id: str) -> Sequence[Delivery]:
    """At each webhook."""
    if not is_id(event_id):
        return []
    return [_delivery_of(session, row) for row in await session.fetch(_OF_EVENT, session.tenant, event_id)]


async def matching(session: Session, wanted: DeliveryQuery, limit: int) -> Sequence[Delivery]:
    """The newest first."""
    if wanted.event is not None:
        return [one for one in await of_event(session, wanted.event) if _matches(one, wanted)][:limit]
    after = wanted.after or DeliveryPosition(_LAST, "")
    rows = await session.fetch(
        _LIST,
        session.tenant,
        after.position,
        wanted.webhook,
        wanted.state,
        wanted.user,
        wanted.since,
        wanted.until,
        limit,
        after.webhook,
    )
    return [_delivery_of(session, row) for row in rows]


def _matches(delivery: Delivery, wanted: DeliveryQuery) -> bool:
    """What else is given beside the event."""
    return (
        wanted.webhook in (None, delivery.webhook)
        and wanted.state in (None, delivery.state)
        and wanted.user in (None, delivery.subject)
        and (wanted.after is None or delivery.webhook > wanted.after.webhook)
    )


async def backlog(session: Session, webhook: str, position: int, types: Sequence[str]) -> Backlog:
    pending = await session.fetch_one(_PENDING, session.tenant, webhook, MOST_COUNTED)
    behind = await session.fetch_one(_BEHIND, session.tenant, position, MOST_COUNTED, [*types])
    assert pending is not None  # noqa: S101 - of one row
    assert behind is not None  # noqa: S101 - of one row
    oldest = [session.time(row["oldest"]) for row in (pending, behind) if row["oldest"] is not None]
    return Backlog(min(MOST_COUNTED, pending["number"] + behind["number"]), min(oldest, default=None))


async def forget_before(tx: Transaction, time: datetime, limit: int) -> int:
    """Of older events, but what is pending. How many there were, of `limit` at most."""
    return await tx.execute(_FORGET_OLD, tx.tenant, time, limit)


def _delivery_of(session: Session, row: Row) -> Delivery:
    return Delivery(
        row["webhook"],
        row["position"],
        str(row["event_id"]),
        row["type"],
        row["subject"],
        session.time(row["time"]),
        DeliveryState(row["state"]),
        row["attempts"],
        session.time(row["since"]),
        optional_time(session, row["next_at"]),
        optional_time(session, row["tried"]),
        row["status"],
        row["error"],
    )


def _due_of(session: Session, row: Row) -> DueDelivery:
    delivery = _delivery_of(session, row)
    if row["payload"] is None:
        return DueDelivery(delivery, None)
    event = StoredEvent(
        delivery.position,
        delivery.event_id,
        EventType(delivery.type),
        delivery.time,
        None,
        None,
        row["payload"],
    )
    return DueDelivery(delivery, event)
