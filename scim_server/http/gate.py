"""The outermost application of the public port: authentication before routing, one log line per request.

The path is what uvicorn decoded, once; authentication, routing and log all go by that same text, so that no
encoding can make one of them see another tenant than the others.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scim_server.config import Access, ConfigBundle, ConfigHolder
from scim_server.directory.caller import Caller
from scim_server.http.authentication import Authenticator
from scim_server.http.exchange import Exchange
from scim_server.http.public_url import PublicUrl
from scim_server.http.responses import error_response, not_authenticated, unavailable
from scim_server.logs import REQUEST_LOGGER
from scim_server.metrics import Metrics
from scim_server.scim.errors import ScimError

_log = logging.getLogger(__name__)
_request_log = logging.getLogger(REQUEST_LOGGER)

_TENANT_PATH = re.compile(r"/([^/]+)/([^/]+)/scim/v2(?=/|$)")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_READING = frozenset({"GET", "HEAD"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Gate:
    """Lets authenticated requests through to `app`, whose root path is then the tenant's SCIM base path."""

    def __init__(
        self,
        app: ASGIApp,
        holder: ConfigHolder,
        public_url: PublicUrl,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._public_url = public_url
        self._metrics = metrics
        self._clock = clock
        self._authenticator: Authenticator | None = None
        if holder.current is not None:
            self._use(holder.current)
        holder.subscribe(self._use)

    def _use(self, bundle: ConfigBundle) -> None:
        self._authenticator = Authenticator(bundle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        exchange = Exchange(_request_id(headers), scope["method"])
        request_id_header = (b"x-request-id", exchange.request_id.encode("ascii"))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.response_started = True
                exchange.status = message["status"]
                message["headers"] = [*message["headers"], request_id_header]
            await send(message)

        try:
            admitted = self._admit(scope, headers, exchange)
            if admitted is None:
                await self._app(scope, receive, send_with_id)
            else:
                await admitted(scope, receive, send_with_id)
        except Exception:
            _log.exception("request failed", extra={"fields": {"requestId": exchange.request_id}})
            if exchange.response_started:
                raise  # uvicorn cuts the connection: the client can't take the part for the whole
            failure = error_response(ScimError(500, "The server failed to answer. The request id is in its log."))
            await failure(scope, receive, send_with_id)
        finally:
            self._record(exchange, time.perf_counter() - started)

    def _admit(self, scope: Scope, headers: dict[bytes, bytes], exchange: Exchange) -> ASGIApp | None:
        """None, with `scope` prepared for the routes, or the answer that refuses the request."""
        if self._authenticator is None:
            return unavailable("The server has no configuration yet.")
        path: str = scope["path"]
        base = _TENANT_PATH.match(path)
        if base is None:
            return error_response(ScimError(404, "SCIM is served at /{namespace}/{name}/scim/v2."))
        namespace, name = base.groups()
        found = self._authenticator.authenticate(namespace, name, _authorization(scope), self._clock())
        if found is None:
            self._metrics.authentication_failures.inc()
            return not_authenticated()
        tenant, credential = found
        base_path = base.group()
        exchange.caller = Caller(
            tenant, credential.name, credential.access, self._public_url.of(scope, headers) + base_path
        )
        reading = exchange.method in _READING or (exchange.method == "POST" and path.endswith("/.search"))
        if credential.access is Access.READ and not reading:
            return error_response(ScimError(403, "This credential has access Read: it may only GET and search."))
        scope["root_path"] = base_path
        if path.endswith("/") and len(path) > len(base_path):
            scope["path"] = path.rstrip("/")
        exchange.attach(scope)
        return None

    def _record(self, exchange: Exchange, seconds: float) -> None:
        caller = exchange.caller
        tenant = caller.tenant.key if caller else ""
        method = exchange.method if exchange.method in _METHODS else "other"
        self._metrics.request(tenant, method, exchange.route, exchange.status, seconds)
        if _request_log.isEnabledFor(logging.INFO):
            fields = {
                "method": method,
                "route": exchange.route,
                "tenant": tenant,
                "credential": caller.credential if caller else "",
                "status": exchange.status,
                "durationMs": round(seconds * 1000, 2),
                "requestId": exchange.request_id,
            }
            _request_log.info("request", extra={"fields": fields})


def _request_id(headers: MutableMapping[bytes, bytes]) -> str:
    """The client's own, so that both logs can be matched, unless it isn't fit for a header and a log line."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(16)


def _authorization(scope: MutableMapping[str, Any]) -> bytes | None:
    """The header's value; None when it is missing or repeated."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    return values[0] if len(values) == 1 else None
