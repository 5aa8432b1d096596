"""The outermost application of the public port: what is true of every request, whatever becomes of it.

It has a deadline, an id, an answer and a line in the log. `admission.py` says who is let in.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scim_server.auth.key_cache import KeyCache
from scim_server.auth.last_uses import LastUses
from scim_server.auth.replay import ReplayGuard
from scim_server.config import ConfigHolder
from scim_server.http.admission import Admission
from scim_server.http.deadlines import Deadlines, OutOfTime, Part, cut_off
from scim_server.http.exchange import TRACE_ID, Exchange
from scim_server.http.path_templates import PathTemplates
from scim_server.http.protection import Protection
from scim_server.http.public_url import PublicUrl
from scim_server.http.request_record import RequestRecord, request_id
from scim_server.http.responses import error_response, too_often, unavailable
from scim_server.metrics import Metrics
from scim_server.scim.errors import plain_error

_log = logging.getLogger(__name__)

_CLIENT_GONE = 499
"""The status, in log and metrics, of a request that nobody waited for: as nginx and Envoy write it."""


class Gate:
    """Lets admitted requests through to `app`, whose root path is then the tenant's SCIM base path."""

    def __init__(
        self,
        app: ASGIApp,
        holder: ConfigHolder,
        public_url: PublicUrl,
        metrics: Metrics,
        protection: Protection,
        key_cache: KeyCache,
        replay: ReplayGuard,
        last_uses: LastUses,
        templates: PathTemplates,
        written: Callable[[str, str], None] = lambda tenant, credential: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._protection = protection
        self._admission = Admission(holder, public_url, protection, key_cache, replay, clock)
        self._record = RequestRecord(metrics, last_uses, templates, written)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        exchange = Exchange(request_id(headers), scope["method"], trace_id=scope.get(TRACE_ID))
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
                answer = await self._admission.admit(scope, receive, headers, exchange)
                if answer is not None:
                    await answer(scope, receive, timed_send)
                elif self._protection.begin_request(exchange.tenant):
                    try:
                        await self._app(scope, receive, timed_send)
                    finally:
                        self._protection.end_request(exchange.tenant)
                else:
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
                plain_error(500, "the server failed; its log says more under the request id in X-Request-ID")
            )
            await failure(scope, receive, send_with_id)
        finally:
            exchange.status = exchange.status or _CLIENT_GONE  # cancelled: the server ends, and waited long enough
            self._record.write(exchange, time.perf_counter() - started)


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _late(late: OutOfTime) -> ASGIApp:
    if late.part is Part.BODY:
        # Closed, so that the rest of the body isn't taken for another request.
        return error_response(plain_error(408, "the body did not arrive in time"), {"Connection": "close"})
    return unavailable("the request took too long and was given up")
