"""What is to be done at a certain time. The rows are hints: who acts on one looks whether it still holds.

Clocks may be wrong. A time that is past is past by the clock of the replica and by that of the database.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from scim_server.storage.records import Due, DueKind
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement

_PUT = Statement("""
    INSERT INTO due (tenant, kind, subject, at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant, kind, subject) DO UPDATE SET at = excluded.at
""")

PUT_ROWS = """
    INSERT INTO due (tenant, kind, subject, at)
    SELECT {text:$1}, e.kind, e.subject, e.at FROM {rows:$N e (kind text, subject text, at time)}
    WHERE true
    ON CONFLICT (tenant, kind, subject) DO UPDATE SET at = excluded.at
"""

REMOVE_ROWS = """
    DELETE FROM due
    WHERE tenant = $1 AND (kind, subject) IN (SELECT e.kind, e.subject FROM {rows:$N e (kind text, subject text)})
"""

_REMOVE_KIND = Statement("DELETE FROM due WHERE tenant = $1 AND kind = $2")

_REMOVE_EARLY = Statement("DELETE FROM due WHERE tenant = $1 AND kind = $2 AND at <= {early_now:$3}")

_REMOVE_PAST = Statement("DELETE FROM due WHERE tenant = $1 AND kind = $2 AND subject = $3 AND at <= {early_now:$4}")

_PAST = Statement("""
    SELECT kind, subject FROM due WHERE tenant = $1 AND at <= {early_now:$2} ORDER BY at, kind, subject LIMIT $3
""")

_TENANTS = Statement("SELECT DISTINCT tenant FROM due WHERE at <= {early_now:$1} ORDER BY tenant")

_NEXT = Statement("SELECT at - {early_now:$1} AS wait FROM due ORDER BY at LIMIT 1")

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of what is due now, by any clock."""


async def put(tx: Transaction, rows: Iterable[tuple[Due, datetime]]) -> None:
    """One that is there already moves."""
    await tx.batch(_PUT, [(tx.tenant, due.kind, due.subject, at) for due, at in rows])


async def remove_all(tx: Transaction, kind: DueKind) -> None:
    await tx.execute(_REMOVE_KIND, tx.tenant, kind)


async def remove_early(tx: Transaction, kind: DueKind) -> None:
    """Those whose time has come by the replica's clock and by the database's."""
    await tx.execute(_REMOVE_EARLY, tx.tenant, kind, tx.now)


async def take(tx: Transaction, due: Due) -> bool:
    """Remove one that is due, for the transaction that does it. False: another one has taken it."""
    return await tx.execute(_REMOVE_PAST, tx.tenant, due.kind, due.subject, tx.now) == 1


async def remove_past(tx: Transaction, rows: Iterable[Due]) -> None:
    """But those that another transaction has moved into the future meanwhile."""
    await tx.batch(_REMOVE_PAST, [(tx.tenant, due.kind, due.subject, tx.now) for due in rows])


async def past(tx: Transaction, limit: int) -> Sequence[Due]:
    """The first of those whose time has come."""
    rows = await tx.fetch(_PAST, tx.tenant, tx.now, limit)
    return [Due(DueKind(row["kind"]), row["subject"]) for row in rows]


async def tenants(session: Session, now: datetime) -> Sequence[str]:
    """Those that have something to do by now."""
    return [row["tenant"] for row in await session.fetch(_TENANTS, now)]


async def next_time(session: Session, now: datetime) -> datetime | None:
    """Of the first of all tenants, by the clock of the replica."""
    row = await session.fetch_one(_NEXT, now)
    return None if row is None else now + session.span(row["wait"])
