"""The sync log: a line for every request that writes, and for every refused one."""

from dataclasses import asdict, dataclass
from datetime import datetime

from scim_server.scim.schema import JsonObject

INSERT = """
    INSERT INTO sync_log (tenant, time, id, request_id, credential, operation, resource_type, resource_id,
                          resource_name, status, line)
    SELECT {text:$1}, e.time, e.id, e.request_id, e.credential, e.operation, e.resource_type, e.resource_id,
           e.resource_name, e.status, e.line
    FROM {rows:$N e (id id, time time, request_id text, credential text, operation text, resource_type text,
                     resource_id text, resource_name text, status integer, line text)}
"""


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
