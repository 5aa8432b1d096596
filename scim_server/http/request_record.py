"""What stays of a request: its line in the log, its place in the metrics, and the id by which both sides find it."""

import re
import secrets
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scim_server.auth.last_uses import LastUses
from scim_server.clock import Clock
from scim_server.http.access import READING
from scim_server.http.exchange import CLIENT_GONE, TRACE_ID, UNKNOWN_ROUTE, Exchange
from scim_server.http.path_templates import PathTemplates
from scim_server.http.refused_lines import FIRST_REFUSED, refused_request
from scim_server.logs import request_log
from scim_server.metrics import Metrics
from scim_server.storage.tables.sync_log import LogLine

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class RecordedRequests:
    """The outermost application: makes the `Exchange` of each request, sends its id along, and records it at its end.

    `refused` is called with the tenant and the line of each request that the sync log has as a refused one.
    `written` is called with the tenant and the credential after each request that may have changed something.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        last_uses: LastUses,
        templates: PathTemplates,
        refused: Callable[[str, LogLine], None],
        written: Callable[[str, str], None],
        clock: Clock,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._last_uses = last_uses
        self._templates = templates
        self._refused = refused
        self._written = written
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        started = time.perf_counter()
        exchange = Exchange(_request_id(scope), scope["method"], trace_id=scope.get(TRACE_ID))
        exchange.attach(scope)
        request_id_header = (b"x-request-id", exchange.request_id.encode("ascii"))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.response_started = True
                exchange.status = message["status"]
                message["headers"] = [*message["headers"], request_id_header]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            exchange.status = exchange.status or CLIENT_GONE  # cancelled: the server ends, and waited long enough
            self._record(exchange, scope, time.perf_counter() - started)

    def _record(self, exchange: Exchange, scope: Scope, seconds: float) -> None:
        self._metrics.request(exchange.tenant, exchange.known_method, exchange.route, exchange.status, seconds)
        if exchange.tenant:
            self._last_uses.note(exchange.tenant, exchange.credential)
            if exchange.method not in READING and exchange.status < 300:
                self._written(exchange.tenant, exchange.credential)
        if exchange.status >= FIRST_REFUSED:
            line = refused_request(exchange, scope, self._clock(), seconds)
            if line is not None:
                self._refused(*line)
        if request_log.is_on:
            request_log.write(self._fields(exchange, seconds))

    def _fields(self, exchange: Exchange, seconds: float) -> dict[str, object]:
        fields: dict[str, object] = {
            "method": exchange.known_method,
            "route": exchange.route,
            "tenant": exchange.tenant,
            "credential": exchange.credential,
            "status": exchange.status,
            "durationMs": round(seconds * 1000, 2),
            "requestId": exchange.request_id,
        }
        if exchange.addressed:
            fields["addressedTenant"] = exchange.addressed
        if exchange.reason:
            fields["reason"] = exchange.reason
            if exchange.route == UNKNOWN_ROUTE:
                fields["path"] = self._templates.of(exchange.path)
        if exchange.scim_type is not None:
            fields["scimType"] = exchange.scim_type
        if exchange.attribute is not None:
            fields["attribute"] = exchange.attribute
        if exchange.trace_id is not None:
            fields["traceId"] = exchange.trace_id
        return fields


def _request_id(scope: Scope) -> str:
    """The client's own, so that both logs can be matched, unless it isn't fit for a header and a log line."""
    headers: dict[bytes, bytes] = dict(scope["headers"])  # of repeated ones the last
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(16)
