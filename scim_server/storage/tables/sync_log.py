"""The sync log: a line for every request that writes, and for every refused one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import orjson

from scim_server.scim.schema import JsonObject
from scim_server.storage.ids import is_id
from scim_server.storage.log_query import LogPosition
from scim_server.storage.session import Row, Session, Transaction
from scim_server.storage.statement import Statement, Together

COLUMNS = "id, time, request_id, credential, operation, resource_type, resource_id, resource_name, status, line"

INSERT = """
    INSERT INTO sync_log (tenant, time, id, request_id, credential, operation, resource_type, resource_id,
                          resource_name, status, line)
    SELECT {text:$1}, e.time, e.id, e.request_id, e.credential, e.operation, e.resource_type, e.resource_id,
           e.resource_name, e.status, e.line
    FROM {rows:$N e (id id, time time, request_id text, credential text, operation text, resource_type text,
                     resource_id text, resource_name text, status integer, line text)}
"""

_OF_USERS = Statement("""
    SELECT time, id, line FROM sync_log
    WHERE tenant = $1 AND resource_id {any:SELECT CAST(asked.id AS text) FROM {ids:$2 asked}}
    UNION ALL
    SELECT time, id, line FROM sync_log
    WHERE tenant = $1 AND resource_id IS NULL AND resource_type = 'User'
      AND lower(resource_name) {any:SELECT lower(asked.value) FROM {texts:$3 asked}}
""")

_REWRITE = Statement("""
    UPDATE sync_log SET resource_name = NULL, line = $4 WHERE tenant = $1 AND time = $2 AND id = $3
""")

# A server that ends may have written some of them already.
_APPEND = Together(lines=INSERT.replace("$N", "$2") + " WHERE true ON CONFLICT DO NOTHING")

_NAMES = Statement("""
    SELECT 'User' AS type, id, document FROM users WHERE tenant = $1 AND id {in_ids:$2}
    UNION ALL SELECT 'Group' AS type, id, document FROM groups WHERE tenant = $1 AND id {in_ids:$2}
""")

_LAST_FAILURE = Statement(f"""
    SELECT {COLUMNS} FROM sync_log WHERE tenant = $1 AND status >= 400 ORDER BY time DESC LIMIT 1
""")
# Among the newest: a tenant of which nothing succeeds is not read to the end again and again.
_LAST_SUCCESS = Statement("""
    SELECT max(time) AS time
    FROM (SELECT time, status FROM sync_log WHERE tenant = $1 ORDER BY time DESC LIMIT 1000) AS newest
    WHERE status < 400
""")

_FORGET_OLD = Statement("""
    DELETE FROM sync_log WHERE tenant = $1 AND (time, id) IN (
        SELECT time, id FROM sync_log WHERE tenant = $1 AND time < $2 ORDER BY time, id LIMIT $3
    )
""")


@dataclass(frozen=True, slots=True)
class LogLine:
    id: str
    time: datetime
    request_id: str
    credential: str
    operation: str
    """In words: `deactivate user`."""
    resource_type: str
    resource_id: str | None
    resource_name: str | None
    """userName or displayName."""
    status: int
    line: str
    """JSON: `userAgent`, `scimType`, `detail`, `changed`, `gained`, `lost`, `durationMs`."""

    @property
    def position(self) -> LogPosition:
        return LogPosition(self.time, self.id)

    def to_json(self) -> JsonObject:
        """As people and programs see it."""
        more = orjson.loads(self.line)
        return {
            "time": f"{self.time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "credential": self.credential,
            "userAgent": more.get("userAgent", ""),
            "operation": self.operation,
            "resourceType": self.resource_type,
            "resourceId": self.resource_id,
            "resourceName": self.resource_name,
            "status": self.status,
            "scimType": more.get("scimType"),
            "detail": more.get("detail"),
            "changed": more.get("changed", []),
            "gained": more.get("gained", {}),
            "lost": more.get("lost", {}),
            "durationMs": more.get("durationMs"),
            "requestId": self.request_id,
        }


def row_of(line: LogLine, time: object) -> JsonObject:
    """Of the rows that the statement inserts."""
    return asdict(line) | {"time": time}


async def append(tx: Transaction, lines: Sequence[LogLine]) -> None:
    """Lines that lack the name of a user or group who is there get it."""
    ids = {line.resource_id for line in lines if line.resource_name is None and line.resource_id is not None}
    known = [one for one in ids if is_id(one)]
    names: dict[tuple[str, str | None], str] = {}
    for row in await tx.fetch(_NAMES, tx.tenant, known) if known else ():
        document = orjson.loads(row["document"])
        names[row["type"], str(row["id"])] = document.get("userName") or document.get("displayName")
    named = (
        replace(one, resource_name=one.resource_name or names.get((one.resource_type, one.resource_id)))
        for one in lines
    )
    rows = [row_of(line, tx.json_time(line.time)) for line in named]
    await tx.together(_APPEND, tx.tenant, orjson.dumps(rows).decode())


async def last_failure(session: Session) -> LogLine | None:
    row = await session.fetch_one(_LAST_FAILURE, session.tenant)
    return None if row is None else line_of_row(session, row)


async def last_success(session: Session) -> datetime | None:
    row = await session.fetch_one(_LAST_SUCCESS, session.tenant)
    return None if row is None or row["time"] is None else session.time(row["time"])


async def forget_old(tx: Transaction, before: datetime, limit: int) -> int:
    """How many lines were deleted."""
    return await tx.execute(_FORGET_OLD, tx.tenant, before, limit)


async def redact_users(tx: Transaction, user_ids: Sequence[str], user_names: Sequence[str]) -> None:
    """That requests were made stays. `user_names`: of those whom requests named that were refused."""
    rows = await tx.fetch(_OF_USERS, tx.tenant, [*user_ids], [*user_names])
    await tx.batch(_REWRITE, [(tx.tenant, row["time"], row["id"], _redacted(row["line"])) for row in rows])


def _redacted(line: str) -> str:
    """Without the words of an error, which may repeat what was sent."""
    fields = orjson.loads(line)
    fields.pop("detail", None)
    return orjson.dumps(fields).decode()


def line_of_row(session: Session, row: Row) -> LogLine:
    return LogLine(
        str(row["id"]),
        session.time(row["time"]),
        row["request_id"],
        row["credential"],
        row["operation"],
        row["resource_type"],
        row["resource_id"],
        row["resource_name"],
        row["status"],
        row["line"],
    )
