"""The sync log: a line for every request that writes, and for every refused one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement

_ADD = Statement("""
    INSERT INTO sync_log (tenant, time, id, request_id, credential, operation, resource_type, resource_id,
                          resource_name, status, line)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
""")


@dataclass(frozen=True, slots=True)
class LogLine:
    time: datetime
    id: str
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


async def append(tx: Transaction, lines: Iterable[LogLine]) -> None:
    await tx.batch(_ADD, [(tx.tenant, *parameters_of(line)) for line in lines])


def parameters_of(line: LogLine) -> tuple[object, ...]:
    """Of a statement that adds it, after the tenant."""
    return (
        line.time,
        line.id,
        line.request_id,
        line.credential,
        line.operation,
        line.resource_type,
        line.resource_id,
        line.resource_name,
        line.status,
        line.line,
    )
