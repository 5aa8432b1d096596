"""Requests whose work doesn't come to its end: it takes too long, its client goes away, or it fails."""

import logging

from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.http.deadlines import Deadlines, OutOfTime, Part, TimeLimits, cut_off
from scim_server.http.exchange import CLIENT_GONE, Exchange, exchange_in
from scim_server.http.responses import error_response, unavailable
from scim_server.metrics import Metrics
from scim_server.scim.errors import plain_error

_log = logging.getLogger(__name__)


class UnfinishedRequests:
    """Ends the work of `app` at its deadline, and gives the client the answer that `app` didn't give.

    The connection is cut off where a part of an answer was sent: the client can't take that part for the whole.
    """

    def __init__(self, app: ASGIApp, times: TimeLimits, metrics: Metrics) -> None:
        self._app = app
        self._times = times
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_in(scope)
        try:
            async with Deadlines(self._times, _has_body(scope)) as deadlines:
                deadlines.attach(scope)
                await self._app(scope, deadlines.watch_receive(receive), deadlines.watch_send(send))
        except OutOfTime as late:
            answer = self._after_deadline(late.part, exchange)
        except Exception:
            _log.exception("request failed", extra={"fields": {"requestId": exchange.request_id}})
            answer = error_response(
                plain_error(500, "the server failed; its log says more under the request id in X-Request-ID")
            )
        else:
            return
        if exchange.response_started:
            cut_off(scope)
        elif answer is not None:
            await answer(scope, receive, send)

    def _after_deadline(self, part: Part, exchange: Exchange) -> ASGIApp | None:
        """None where nobody waits for an answer."""
        if part is Part.CLIENT_GONE:
            exchange.status = CLIENT_GONE
            return None
        if exchange.response_started:
            self._metrics.refused("slow_answer")
            _log.warning("answer cut off", extra={"fields": {"requestId": exchange.request_id}})
            return None
        self._metrics.refused(f"slow_{part.name.lower()}")
        if part is Part.BODY:
            # Closed, so that the rest of the body isn't taken for another request.
            return error_response(plain_error(408, "the body did not arrive in time"), {"Connection": "close"})
        return unavailable("the request took too long and was given up")


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
