"""Holds: effects that wait for a decision, for the provider to take its change back, or for their time to be over.

How many users a hold concerns is counted where they are, so that it is always right. Holds are opened and ended under
the lock of `tables/deactivations.py`.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from scim_server.config import Decision
from scim_server.provisioning.cause import CauseKind
from scim_server.provisioning.guards import HoldKind
from scim_server.storage.documents import from_json
from scim_server.storage.effects import HoldDecided, HoldEnded, HoldOpened
from scim_server.storage.records import HeldUser, Hold
from scim_server.storage.session import Row, Session, Transaction, optional_time
from scim_server.storage.statement import Statement
from scim_server.storage.tables import deactivations, losers

MOST_EXAMPLES = 10

_LETTERS = "bcdfghjkmnpqrstvwxz"
"""Without vowels: an id that people type is no word."""

_COUNTED = """
    coalesce(h.users, (SELECT count(*) FROM users u WHERE u.tenant = $1 AND u.hold = h.id)
                    + (SELECT count(*) FROM held_users g WHERE g.tenant = $1 AND g.hold = h.id)) AS users
"""

_COLUMNS = f"id, kind, since, expires, decision, decided_by, {_COUNTED}"

_ALL = Statement(
    f"SELECT {_COLUMNS} FROM holds h WHERE tenant = $1 AND (kind <> 'roles' OR users IS NOT NULL) ORDER BY since, id"
)

_ONE = Statement(f"SELECT {_COLUMNS} FROM holds h WHERE tenant = $1 AND id = $2")

_OPEN = Statement(f"SELECT {_COLUMNS} FROM holds h WHERE tenant = $1 AND kind = $2 AND decision IS NULL")

_ADD = Statement("INSERT INTO holds (tenant, id, kind, since, expires) VALUES ($1, $2, $3, $4, $5)")

_DECIDE = Statement("UPDATE holds SET decision = $3, decided_by = $4 WHERE tenant = $1 AND id = $2")

_REMOVE = Statement("DELETE FROM holds WHERE tenant = $1 AND id = $2")

_EXPIRED = Statement("SELECT 1 AS one FROM holds WHERE tenant = $1 AND id = $2 AND expires <= {early_now:$3}")

_EXAMPLES = Statement(f"""
    SELECT * FROM (
        SELECT id, document FROM users WHERE tenant = $1 AND hold = $2 ORDER BY id LIMIT {MOST_EXAMPLES}
    ) AS inactive
    UNION ALL
    SELECT * FROM (
        SELECT id, document FROM held_users WHERE tenant = $1 AND hold = $2 ORDER BY id LIMIT {MOST_EXAMPLES}
    ) AS deleted
    LIMIT {MOST_EXAMPLES}
""")


_LOSERS = Statement(f"""
    SELECT id, document FROM users
    WHERE tenant = $1 AND id IN (SELECT id FROM ({losers.OF_HOLD} LIMIT {MOST_EXAMPLES}) AS a_few) ORDER BY id
""")


def new_id(kind: HoldKind) -> str:
    """For people to type into YAML."""
    return f"{kind}-{''.join(secrets.choice(_LETTERS) for _ in range(6))}"


async def open_one(tx: Transaction, kind: HoldKind) -> str:
    """The tenant's open hold of this kind: what is held together is decided together."""
    await deactivations.lock(tx)
    row = await tx.fetch_one(_OPEN, tx.tenant, kind)
    if row is not None:
        found: str = row["id"]
        return found
    safety = (await tx.policy()).config.safety
    expires = None if kind is HoldKind.PROTECTED else tx.now + timedelta(seconds=safety.hold_for_seconds)
    hold_id = new_id(kind)
    await tx.execute(_ADD, tx.tenant, hold_id, kind, tx.now, expires)
    tx.effects.add(HoldOpened(Hold(hold_id, kind, tx.now, expires, 1)))
    return hold_id


async def read(session: Session, hold_id: str) -> Hold | None:
    row = await session.fetch_one(_ONE, session.tenant, hold_id)
    return None if row is None else _hold(session, row)


async def of_all(session: Session) -> Sequence[Hold]:
    return [_hold(session, row) for row in await session.fetch(_ALL, session.tenant)]


async def examples(session: Session, hold: Hold) -> Sequence[HeldUser]:
    """Some of the users."""
    statement = _LOSERS if hold.kind is HoldKind.ROLES else _EXAMPLES
    rows = await session.fetch(statement, session.tenant, hold.id)
    return [HeldUser(str(row["id"]), from_json(row["document"])["userName"]) for row in rows]


async def has_expired(tx: Transaction, hold_id: str) -> bool:
    return await tx.fetch_one(_EXPIRED, tx.tenant, hold_id, tx.now) is not None


async def decide(tx: Transaction, decisions: Iterable[tuple[str, Decision]], by: CauseKind) -> None:
    """Once: of a hold that is decided already, or gone, nothing is changed. Protected users can't be deactivated by a
    decision, but by a policy that doesn't protect them any more."""
    for hold_id, decision in decisions:
        await deactivations.lock(tx)
        hold = await read(tx, hold_id)
        if hold is None or hold.decision is not None:
            continue
        if hold.kind is HoldKind.PROTECTED and decision is Decision.APPLY:
            continue
        await tx.execute(_DECIDE, tx.tenant, hold_id, decision, by)
        tx.effects.add(HoldDecided(hold_id, decision, by))


async def end_if_empty(tx: Transaction, hold_id: str) -> bool:
    """Called after the last change of its users."""
    await deactivations.lock(tx)
    hold = await read(tx, hold_id)
    if hold is None:
        return True
    if hold.users > 0:
        return False
    await end(tx, hold)
    return True


async def end(tx: Transaction, hold: Hold) -> None:
    await tx.execute(_REMOVE, tx.tenant, hold.id)
    tx.effects.add(HoldEnded(hold))


def _hold(session: Session, row: Row) -> Hold:
    return Hold(
        row["id"],
        HoldKind(row["kind"]),
        session.time(row["since"]),
        optional_time(session, row["expires"]),
        row["users"],
        None if row["decision"] is None else Decision(row["decision"]),
        None if row["decided_by"] is None else CauseKind(row["decided_by"]),
    )
