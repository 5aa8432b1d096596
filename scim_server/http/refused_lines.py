"""Which requests are refused ones in the sync log, and their lines.

Requests that would write, and those with a credential of the tenant that is valid no more, whatever they ask for.
Others without a valid credential, and those that a rate refuses, are counted in metrics alone: anybody can send them.
A line says nothing of the request's body but the name of the resource: values may be personal, or typed wrongly
because they are secret.
"""

import time
import uuid
from datetime import datetime

import orjson
from starlette.types import Scope

from scim_server.changes.operations import operation_asked_for
from scim_server.http.access import READING
from scim_server.http.exchange import CLIENT_GONE, Exchange
from scim_server.http.request_cause import user_agent_in
from scim_server.provisioning.cause import RequestCause
from scim_server.scim.errors import ScimError
from scim_server.storage.tables.sync_log import LogLine

FIRST_REFUSED = 400
_NOT_LOGGED = frozenset({429, CLIENT_GONE})
_LONGEST_NAME = 256
"""Of a resource, in characters."""
_LONGEST_ID = 64


def refused_request(exchange: Exchange, scope: Scope, now: datetime, seconds: float) -> tuple[str, LogLine] | None:
    """The tenant and the line of a request that was answered with an error after `seconds`; None where the log has
    none of it."""
    if exchange.status in _NOT_LOGGED:
        return None
    if exchange.tenant:
        if exchange.method in READING or (exchange.path or "").endswith("/.search"):
            return None
        request = exchange.caller.request if exchange.caller is not None else None
        tenant, credential = exchange.tenant, exchange.credential
    elif exchange.refused_credential:
        request, tenant, credential = None, exchange.addressed, exchange.refused_credential
    else:
        return None
    detail = exchange.reason if exchange.attribute is None else f"{exchange.attribute}: {exchange.reason}"
    line = LogLine(
        str(uuid.uuid4()),
        now,
        exchange.request_id,
        credential,
        _operation(exchange, request),
        request.resource_type if request is not None else "",
        _text(request.resource_id, _LONGEST_ID) if request is not None else None,
        _text(exchange.resource_name, _LONGEST_NAME),
        exchange.status,
        _more(user_agent_in(scope), exchange.scim_type, detail, seconds),
    )
    return tenant, line


def refused_operation(request: RequestCause, name: object, error: ScimError, now: datetime) -> LogLine:
    """Of an operation of a bulk request."""
    detail = error.reason if error.attribute is None else f"{error.attribute}: {error.reason}"
    return LogLine(
        str(uuid.uuid4()),
        now,
        request.id,
        request.credential,
        operation_asked_for(request.method, request.resource_type),
        request.resource_type if request.resource_type in ("User", "Group") else "",
        _text(request.resource_id, _LONGEST_ID),
        _text(name, _LONGEST_NAME),
        error.status,
        _more(request.user_agent, error.scim_type, detail, time.perf_counter() - request.started),
    )


def _operation(exchange: Exchange, request: RequestCause | None) -> str:
    if request is not None:
        return operation_asked_for(request.method, request.resource_type)
    return "read" if exchange.method in READING else operation_asked_for(exchange.known_method, "")


def _text(text: object, longest: int) -> str | None:
    """PostgreSQL has no NUL in texts."""
    return text[:longest].replace("\0", "\ufffd") if isinstance(text, str) and text else None


def _more(user_agent: str, scim_type: str | None, detail: str, seconds: float) -> str:
    return orjson.dumps(
        {
            "userAgent": user_agent,
            "scimType": scim_type,
            "detail": detail,
            "changed": [],
            "gained": {},
            "lost": {},
            "durationMs": round(seconds * 1000, 2),
        }
    ).decode()
