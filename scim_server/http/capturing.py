"""The debug capture of a tenant: its requests and answers for an hour, redacted, for people who debug a provider.

`captureUntil` says when it ends; it is on for the hour before that. So replicas agree without asking each other, and
a restart doesn't begin another hour.
"""

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scim_server.clock import Clock
from scim_server.http.exchange import Exchange, exchange_in
from scim_server.http.request_cause import user_agent_in
from scim_server.scim.redaction import redacted, redacted_body, redacted_parameter
from scim_server.storage.tables.captures import Capture

LONGEST_CAPTURE = timedelta(hours=1)

_LARGEST = 64 * 1024
"""Bytes of a body that are looked at."""
_LARGEST_SHOWN = 32 * 1024
"""Characters of a capture."""


def is_captured(until: datetime | None, now: datetime) -> bool:
    return until is not None and until - LONGEST_CAPTURE <= now < until


class Capturing:
    """`keep` is called with the tenant and the capture of each request, where the tenant's capture is on."""

    def __init__(self, app: ASGIApp, keep: Callable[[str, Capture], None], clock: Clock) -> None:
        self._app = app
        self._keep = keep
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_in(scope)
        until = exchange.caller.tenant.config.capture_until if exchange.caller is not None else None
        if until is None or not is_captured(until, now := self._clock()):
            return await self._app(scope, receive, send)
        began = time.perf_counter()
        asked, answered = _Body(), _Body()

        async def noting_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                asked.add(message.get("body", b""))
            return message

        async def noting_send(message: Message) -> None:
            if message["type"] == "http.response.body":
                answered.add(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, noting_receive, noting_send)
        finally:
            shown = _shown(exchange, scope, asked, answered, time.perf_counter() - began)
            self._keep(exchange.tenant, Capture(str(uuid.uuid4()), now, shown))


class _Body:
    def __init__(self) -> None:
        self._bytes = bytearray()
        self._complete = True

    def add(self, piece: bytes) -> None:
        room = _LARGEST - len(self._bytes)
        self._bytes += piece[:room]
        self._complete = self._complete and len(piece) <= room

    def redacted(self) -> object:
        return redacted_body(bytes(self._bytes), complete=self._complete)


def _shown(exchange: Exchange, scope: Scope, asked: _Body, answered: _Body, seconds: float) -> str:
    """JSON."""
    parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=None)
    resource_id = scope.get("path_params", {}).get("id")
    shown = {
        "requestId": exchange.request_id,
        "credential": exchange.credential,
        "userAgent": user_agent_in(scope),
        "method": exchange.known_method,
        "route": exchange.route,
        "id": redacted(resource_id) if resource_id is not None else None,
        "parameters": {redacted_name(name): redacted_parameter(name, value) for name, value in parameters[:20]},
        "request": asked.redacted(),
        "status": exchange.status,
        "reason": exchange.reason or None,
        "attribute": exchange.attribute,
        "answer": answered.redacted(),
        "durationMs": round(seconds * 1000, 2),
    }
    text = orjson.dumps(shown).decode()
    if len(text) > _LARGEST_SHOWN:
        text = orjson.dumps(shown | {"request": "(too large)", "answer": "(too large)"}).decode()
    return text


_PARAMETERS = frozenset(
    ("filter", "startIndex", "count", "sortBy", "sortOrder", "attributes", "excludedAttributes", "cursor")
)


def redacted_name(name: str) -> str:
    return name if name in _PARAMETERS else "(name)"
