"""The debug capture: redacted requests and answers of a tenant, the newest ones, for a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from scim_server.scim.schema import JsonObject
from scim_server.storage.session import Session, Transaction
from scim_server.storage.statement import Statement

MOST = 500
"""Of a tenant."""

# A server that ends may have written some of them already.
_ADD = Statement("""
    INSERT INTO captures (tenant, time, id, capture) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
""")

_FORGET = Statement("""
    DELETE FROM captures WHERE tenant = $1 AND (time, id) IN (
        SELECT time, id FROM captures WHERE tenant = $1 ORDER BY time DESC, id DESC LIMIT 10000 OFFSET $2
    )
""")

_FORGET_OLD = Statement("DELETE FROM captures WHERE tenant = $1 AND time < $2")

_ALL = Statement("SELECT id, time, capture FROM captures WHERE tenant = $1 ORDER BY time, id")


@dataclass(frozen=True, slots=True)
class Capture:
    id: str
    time: datetime
    capture: str
    """JSON, without anything personal but ids."""

    def to_json(self) -> JsonObject:
        time = f"{self.time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        return {"time": time, **orjson.loads(self.capture)}


async def add(tx: Transaction, captures: Sequence[Capture]) -> None:
    """And forget the oldest beyond `MOST`."""
    await tx.batch(_ADD, [(tx.tenant, one.time, one.id, one.capture) for one in captures])
    await tx.execute(_FORGET, tx.tenant, MOST)


async def forget_old(tx: Transaction, before: datetime) -> None:
    await tx.execute(_FORGET_OLD, tx.tenant, before)


async def of_tenant(session: Session) -> Sequence[Capture]:
    """The oldest first."""
    rows = await session.fetch(_ALL, session.tenant)
    return [Capture(str(row["id"]), session.time(row["time"]), row["capture"]) for row in rows]
