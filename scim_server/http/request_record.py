"""What stays of a request: its line in the log, its place in the metrics, and the id by which both sides find it."""

import re
import secrets
from collections.abc import Callable, Mapping

from scim_server.auth.last_uses import LastUses
from scim_server.http.access import READING
from scim_server.http.exchange import UNKNOWN_ROUTE, Exchange
from scim_server.http.path_templates import PathTemplates
from scim_server.logs import request_log
from scim_server.metrics import Metrics

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """The client's own, so that both logs can be matched, unless it isn't fit for a header and a log line."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(16)


class RequestRecord:
    """`written` is called with the tenant and the credential after each request that may have changed something."""

    def __init__(
        self, metrics: Metrics, last_uses: LastUses, templates: PathTemplates, written: Callable[[str, str], None]
    ) -> None:
        self._metrics = metrics
        self._last_uses = last_uses
        self._templates = templates
        self._written = written

    def write(self, exchange: Exchange, seconds: float) -> None:
        method = exchange.known_method
        self._metrics.request(exchange.tenant, method, exchange.route, exchange.status, seconds)
        if exchange.tenant:
            self._last_uses.note(exchange.tenant, exchange.credential)
            if exchange.method not in READING and exchange.status < 300:
                self._written(exchange.tenant, exchange.credential)
        if request_log.is_on:
            fields = {
                "method": method,
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
            request_log.write(fields)
