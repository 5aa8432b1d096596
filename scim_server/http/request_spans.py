"""A span for each request of the public port."""

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, Tracer, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from scim_server.http.exchange import TRACE_ID, exchange_in

_CARRIED = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


class RequestSpans:
    """Goes around the whole application. Names and attributes follow OpenTelemetry's conventions for HTTP servers.

    No path, query, id or exception gets into a span: they can hold personal data.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._tracer.start_as_current_span(
            "request",
            context=self._context(scope),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            scope[TRACE_ID] = format_trace_id(span.get_span_context().trace_id)
            try:
                await self._app(scope, receive, send)
            finally:
                exchange = exchange_in(scope)
                method = exchange.known_method
                span.update_name(f"{method} {exchange.route}")
                span.set_attributes(
                    {
                        "http.request.method": method,
                        "http.route": exchange.route,
                        "http.response.status_code": exchange.status,
                        "scim.tenant": exchange.tenant,
                        "scim.request_id": exchange.request_id,
                    }
                )
                if exchange.status >= 500:
                    span.set_status(StatusCode.ERROR)

    def _context(self, scope: Scope) -> Context | None:
        """The client's trace (https://www.w3.org/TR/trace-context/), None without one."""
        carrier = {_CARRIED[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIED}
        return self._propagator.extract(carrier) if carrier else None
