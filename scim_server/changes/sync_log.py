"""The line of a request in the sync log, where the request is committed."""

import time
import uuid

import orjson

from scim_server.scim.schema import JsonObject
from scim_server.storage.effects import RolesChanged, UserUpdated
from scim_server.storage.session import Transaction
from scim_server.storage.tables.sync_log import LogLine

_WORDS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}


def line_of(tx: Transaction) -> LogLine | None:
    """None where no request is the cause."""
    request = tx.cause.request
    if request is None:
        return None
    gained: set[str] = set()
    lost: set[str] = set()
    changed: set[str] = set()
    for effect in tx.effects.all:
        match effect:
            case RolesChanged(changes=changes):
                for change in changes:
                    gained.update(change.added)
                    lost.update(change.removed)
            case UserUpdated(before=before, user=user):
                names = before.document.keys() | user.document.keys()
                changed.update(n for n in names if before.document.get(n) != user.document.get(n))
            case _:
                pass
    subject = tx.subject
    name = None if subject is None else subject.document.get("userName") or subject.document.get("displayName")
    line: JsonObject = {
        "userAgent": request.user_agent,
        "changed": sorted(changed),
        "gained": sorted(gained),
        "lost": sorted(lost),
        "durationMs": round((time.perf_counter() - request.started) * 1000, 2),
    }
    return LogLine(
        str(uuid.uuid4()),
        tx.now,
        request.id,
        request.credential,
        f"{_WORDS[request.method]} {request.resource_type.lower()}",
        request.resource_type,
        request.resource_id or (None if subject is None else subject.id),
        name,
        request.status,
        orjson.dumps(line).decode(),
    )
