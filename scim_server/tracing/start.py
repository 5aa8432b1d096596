"""Reads the standard environment variables of OpenTelemetry and makes what they ask for.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

A trace is never worth an outage: what can't be honoured is a warning, and the server runs without traces.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_log = logging.getLogger(__name__)

_CLOSING_SECONDS = 3.0
_PROTOCOL = "http/protobuf"


class Tracing:
    """A tracer, and the sending of its spans in a thread of its own."""

    def __init__(self, provider: TracerProvider) -> None:
        self.tracer = provider.get_tracer("scim_server", version("scim-operator"))
        self._provider = provider

    async def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(ended.set)

        # A thread that the end of the program doesn't wait for: the SDK tries for longer.
        threading.Thread(target=shut_down, daemon=True).start()
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await ended.wait()
        except TimeoutError:
            _log.warning("the last traces could not be sent in %.0f s", _CLOSING_SECONDS)


def start_tracing(environment: Mapping[str, str]) -> Tracing | None:
    """None where no traces are asked for, or can't be had."""
    if not _is_wanted(environment):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("OTEL_… asks for traces, which need the extra `otel`: there are none")
        return None
    named = "service.name" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "") or "OTEL_SERVICE_NAME" in environment
    attributes = {"service.version": version("scim-operator")} | ({} if named else {"service.name": "scim-server"})
    provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def _is_wanted(environment: Mapping[str, str]) -> bool:
    def value(name: str) -> str:
        return environment.get(name, "").strip().lower()

    exporter = value("OTEL_TRACES_EXPORTER")
    has_endpoint = value("OTEL_EXPORTER_OTLP_ENDPOINT") or value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if value("OTEL_SDK_DISABLED") == "true" or exporter == "none" or not (exporter or has_endpoint):
        return False
    if exporter not in ("", "otlp"):
        _log.warning("OTEL_TRACES_EXPORTER: otlp or none is expected, not %s: there are no traces", exporter)
        return False
    protocol = value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or value("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in ("", _PROTOCOL):
        _log.warning("OTEL_EXPORTER_OTLP_PROTOCOL: %s is expected, not %s: there are no traces", _PROTOCOL, protocol)
        return False
    return True
