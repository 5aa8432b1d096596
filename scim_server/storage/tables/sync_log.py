"""The sync log: a line for every request that writes, and for every refused one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson

from scim_server.scim.schema import JsonObject
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement

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


def row_of(line: LogLine, time: object) -> JsonObject:
    """Of the rows that the statement inserts."""
    return asdict(line) | {"time": time}


async def redact_users(tx: Transaction, user_ids: Sequence[str], user_names: Sequence[str]) -> None:
    """That requests were made stays. `user_names`: of those whom requests named that were refused."""
    rows = await tx.fetch(_OF_USERS, tx.tenant, [*user_ids], [*user_names])
    await tx.batch(_REWRITE, [(tx.tenant, row["time"], row["id"], _redacted(row["line"])) for row in rows])


def _redacted(line: str) -> str:
    """Without the words of an error, which may repeat what was sent."""
    fields = orjson.loads(line)
    fields.pop("detail", None)
    return orjson.dumps(fields).decode()
