"""The outermost application of the public port: authentication before routing, limits, one log line per request.

The path is what uvicorn decoded, once, in its canonical form; authentication, routing and log all go by that same
text, so that no encoding can make one of them see another tenant than the others.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scim_server.auth.authenticator import Authenticator, Refused
from scim_server.auth.key_cache import KeyCache
from scim_server.auth.replay import ReplayGuard
from scim_server.auth.token_grants import InvalidClient, OAuthError
from scim_server.config import ConfigBundle, ConfigHolder
from scim_server.directory.caller import Caller
from scim_server.directory.tenant import ServedTenant, tenants_of
from scim_server.http.access import READING, refusal
from scim_server.http.addresses import canonical_path
from scim_server.http.deadlines import Deadlines, OutOfTime, Part, cut_off
from scim_server.http.exchange import TRACE_ID, Exchange
from scim_server.http.oauth import (
    METADATA_PATH,
    TOKEN_PATH,
    granted_response,
    metadata_response,
    method_not_allowed,
    oauth_error_response,
    oauth_unavailable_response,
    read_token_request,
    too_often_response,
)
from scim_server.http.protection import Protection
from scim_server.http.public_url import PublicUrl, names_host
from scim_server.http.responses import error_response, not_authenticated, too_often, unavailable
from scim_server.logs import request_log
from scim_server.metrics import Metrics
from scim_server.scim.errors import ScimError
from scim_server.storage.errors import StorageUnavailable

_log = logging.getLogger(__name__)

_TENANT_PATH = re.compile(r"/([^/]+)/([^/]+)/scim/v2(?=/|$)")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_CLIENT_GONE = 499
"""The status, in log and metrics, of a request that nobody waited for: as nginx and Envoy write it."""


@dataclass(frozen=True, slots=True)
class _Served:
    """What one configuration serves, to whom: replaced whole, so that a request sees nothing of another one."""

    authenticator: Authenticator
    tenants: Mapping[str, ServedTenant]


class Gate:
    """Lets authenticated requests through to `app`, whose root path is then the tenant's SCIM base path."""

    def __init__(
        self,
        app: ASGIApp,
        holder: ConfigHolder,
        public_url: PublicUrl,
        metrics: Metrics,
        protection: Protection,
        key_cache: KeyCache,
        replay: ReplayGuard,
        written: Callable[[str, str], None] = lambda tenant, credential: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._public_url = public_url
        self._metrics = metrics
        self._protection = protection
        self._key_cache = key_cache
        self._replay = replay
        self._written = written
        self._clock = clock
        self._served: _Served | None = None
        if holder.current is not None:
            self._use(holder.current)
        holder.subscribe(self._use)

    def _use(self, bundle: ConfigBundle) -> None:
        self._served = _Served(Authenticator(bundle, self._key_cache, self._replay), tenants_of(bundle))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        exchange = Exchange(_request_id(headers), scope["method"], trace_id=scope.get(TRACE_ID))
        exchange.attach(scope)
        request_id_header = (b"x-request-id", exchange.request_id.encode("ascii"))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.response_started = True
                exchange.status = message["status"]
                message["headers"] = [*message["headers"], request_id_header]
            await send(message)

        try:
            async with Deadlines(self._protection.times, _has_body(headers)) as deadlines:
                deadlines.attach(scope)
                receive = deadlines.watch_receive(receive)
                timed_send = deadlines.watch_send(send_with_id)
                answer = await self._admit(scope, receive, headers, exchange)
                if answer is not None:
                    await answer(scope, receive, timed_send)
                elif self._protection.tenants_under_way.begin(exchange.tenant):
                    try:
                        await self._app(scope, receive, timed_send)
                    finally:
                        self._protection.tenants_under_way.end(exchange.tenant)
                else:
                    self._metrics.refused("tenant_requests")
                    await too_often("too many requests of this tenant are under way (limit tenant_requests)", 1)(
                        scope, receive, timed_send
                    )
        except OutOfTime as late:
            if late.part is Part.CLIENT_GONE:
                exchange.status = _CLIENT_GONE
                return
            if exchange.response_started:
                self._metrics.refused("slow_answer")
                _log.warning("answer cut off", extra={"fields": {"requestId": exchange.request_id}})
                cut_off(scope)
                return
            self._metrics.refused(f"slow_{late.part.name.lower()}")
            await _late(late)(scope, receive, send_with_id)
        except Exception:
            _log.exception("request failed", extra={"fields": {"requestId": exchange.request_id}})
            if exchange.response_started:
                cut_off(scope)
                return
            failure = error_response(
                ScimError(500, "the server failed to answer; its log says more under the request id in X-Request-ID")
            )
            await failure(scope, receive, send_with_id)
        finally:
            exchange.status = exchange.status or _CLIENT_GONE  # cancelled: the server ends, and waited long enough
            self._record(exchange, time.perf_counter() - started)

    async def _admit(
        self, scope: Scope, receive: Receive, headers: dict[bytes, bytes], exchange: Exchange
    ) -> ASGIApp | None:
        """None, with `scope` prepared for the routes, or the answer."""
        if not names_host(scope):
            return error_response(ScimError(400, "one header Host with the name of this server is expected"))
        served = self._served
        if served is None:
            return unavailable("the server has no configuration yet")
        path = scope["path"] = canonical_path(scope["path"])
        if base := _TENANT_PATH.match(path):
            return await self._admit_scim(served, base, scope, headers, exchange)
        if named := TOKEN_PATH.fullmatch(path):
            return await self._grant(served.authenticator, _names(named), scope, receive, headers, exchange)
        if named := METADATA_PATH.fullmatch(path):
            exchange.route = "/.well-known/oauth-authorization-server"
            if exchange.method not in READING:
                return method_not_allowed("GET")
            return metadata_response(_names(named), self._public_url.of(scope, headers))
        return error_response(ScimError(404, "SCIM is served at /{namespace}/{name}/scim/v2"))

    async def _admit_scim(
        self,
        served: _Served,
        base: re.Match[str],
        scope: Scope,
        headers: dict[bytes, bytes],
        exchange: Exchange,
    ) -> ASGIApp | None:
        found = await served.authenticator.authenticate(*_names(base), _authorization(scope), self._clock())
        if isinstance(found, Refused):
            if wait := self._note_failure(scope):
                return too_often(
                    "authentication failed too often from this address (limit failed_authentication)", wait
                )
            if found.reason:
                fields = {"tenant": found.tenant_key, "reason": found.reason, "requestId": exchange.request_id}
                _log.info("JWT refused", extra={"fields": fields})
            return not_authenticated()
        exchange.tenant, exchange.credential = found.tenant_key, found.credential
        if wait := self._note_request(exchange):
            return too_often("this tenant sends more requests than it may (limit tenant_rate)", wait)
        path, base_path = scope["path"], base.group()
        exchange.caller = Caller(
            served.tenants[found.tenant_key],
            found.credential,
            found.access,
            self._public_url.of(scope, headers) + base_path,
            found.user_name,
        )
        scope["root_path"] = base_path
        if reason := refusal(found.access, exchange.method, path[len(base_path) :]):
            return error_response(ScimError(403, reason))
        return None

    async def _grant(
        self,
        authenticator: Authenticator,
        names: tuple[str, str],
        scope: Scope,
        receive: Receive,
        headers: dict[bytes, bytes],
        exchange: Exchange,
    ) -> ASGIApp:
        exchange.route = "/oauth/token"
        if exchange.method != "POST":
            return method_not_allowed("POST")
        address, strangers = self._protection.address_of(scope), self._protection.strangers_under_way
        if not strangers.begin(address):
            self._metrics.refused("token_requests")
            return too_often_response(1)
        try:
            public_url = self._public_url.of(scope, headers)
            request = await read_token_request(scope, receive, names, _authorization(scope), public_url)
            granted = await authenticator.grant(request, self._clock())
        except InvalidClient as refused:
            wait = self._note_failure(scope)
            return too_often_response(wait) if wait else oauth_error_response(refused)
        except OAuthError as refused:
            return oauth_error_response(refused)
        except StorageUnavailable:
            return oauth_unavailable_response()
        finally:
            strangers.end(address)
        exchange.tenant, exchange.credential = granted.tenant_key, granted.client
        if wait := self._note_request(exchange):
            return too_often_response(wait)
        return granted_response(granted)

    def _note_failure(self, scope: Scope) -> int:
        self._metrics.authentication_failures.inc()
        wait = self._protection.note_failure(scope)
        if wait:
            self._metrics.refused("failed_authentication")
        return wait

    def _note_request(self, exchange: Exchange) -> int:
        wait = self._protection.note_request(exchange.tenant)
        if wait:
            self._metrics.refused("tenant_rate")
        return wait

    def _record(self, exchange: Exchange, seconds: float) -> None:
        method = exchange.known_method
        self._metrics.request(exchange.tenant, method, exchange.route, exchange.status, seconds)
        if exchange.method not in READING and exchange.tenant and exchange.status < 300:
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
            if exchange.trace_id is not None:
                fields["traceId"] = exchange.trace_id
            request_log.write(fields)


def _request_id(headers: MutableMapping[bytes, bytes]) -> str:
    """The client's own, so that both logs can be matched, unless it isn't fit for a header and a log line."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(16)


def _names(path: re.Match[str]) -> tuple[str, str]:
    return path[1], path[2]


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _late(late: OutOfTime) -> ASGIApp:
    if late.part is Part.BODY:
        # Closed, so that the rest of the body isn't taken for another request.
        return error_response(ScimError(408, "the body did not arrive in time"), {"Connection": "close"})
    return unavailable("the request took too long and was given up")


def _authorization(scope: MutableMapping[str, Any]) -> bytes | None:
    """The header's value; None when it is missing or repeated."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    return values[0] if len(values) == 1 else None
