"""Traces of a real server, sent to a real receiver."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scim_server.tracing.start import start_tracing
from tests.support.otlp_receiver import OtlpReceiver, ReceivedSpan
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_SERVER, _CLIENT = 2, 3  # SpanKind of opentelemetry/proto/trace/v1/trace.proto
_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_PARENT = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def connection() -> Connection:
    return Connection()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, connection: Connection) -> Iterator[tuple[OtlpReceiver, str]]:
    """What was received of a few requests, and the server's log."""
    directory = tmp_path_factory.mktemp("traced")
    with OtlpReceiver() as receiver:
        server = ServerProcess(
            directory,
            f"sqlite:///{directory}/scim.db",
            bundle_of(connection),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "NO_PROXY": "127.0.0.1"},
        )
        server.start()
        headers = {"Authorization": f"Bearer {connection.token('provision')}"}
        with httpx.Client(base_url=server.url + connection.path, headers=headers, trust_env=False) as client:
            client.post(
                "/Users",
                json={"userName": "ada@acme.com", "name": {"familyName": "Lovelace"}},
                headers={"traceparent": f"00-{_TRACE}-{_PARENT}-01", "X-Request-ID": "request-1"},
            )
            client.get("/Users", params={"filter": 'userName eq "ada@acme.com"'})
            client.get("/Users/nobody")
            client.get("/Users", headers={"Authorization": "Bearer wrong"})
            client.request("PROPFIND", "/Users")
        assert server.stop() == 0
        yield receiver, server.log.read_text()


def span_of(receiver: OtlpReceiver, name: str, status: int) -> ReceivedSpan:
    (span,) = [
        span
        for span in receiver.spans
        if span.name == name and span.attributes.get("http.response.status_code") == status
    ]
    return span


def test_a_request_is_a_span_that_continues_the_clients_trace(
    traced: tuple[OtlpReceiver, str], connection: Connection
) -> None:
    receiver, _ = traced
    span = span_of(receiver, "POST /Users", 201)
    assert (span.trace, span.parent, span.kind, span.failed) == (_TRACE, _PARENT, _SERVER, False)
    assert span.service == "scim-server"
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/Users",
        "http.response.status_code": 201,
        "scim.tenant": connection.key,
        "scim.request_id": "request-1",
    }


def test_transactions_are_its_children(traced: tuple[OtlpReceiver, str]) -> None:
    receiver, _ = traced
    created, listed = span_of(receiver, "POST /Users", 201), span_of(receiver, "GET /Users", 200)
    for parent, name in ((created, "storage.write"), (listed, "storage.read")):
        children = [span for span in receiver.spans if span.parent == parent.id]
        assert name in {child.name for child in children}
        assert {(child.trace, child.kind) for child in children} == {(parent.trace, _CLIENT)}
    assert listed.parent == ""
    assert listed.trace != created.trace


def test_what_is_refused_has_a_span_too(traced: tuple[OtlpReceiver, str]) -> None:
    receiver, _ = traced
    assert span_of(receiver, "GET unknown", 401).attributes["scim.tenant"] == ""
    assert not span_of(receiver, "GET /Users/{id}", 404).failed
    assert span_of(receiver, "other unknown", 405).attributes["http.request.method"] == "other"


def test_the_log_names_the_trace(traced: tuple[OtlpReceiver, str]) -> None:
    receiver, log = traced
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [line for line in lines if line["logger"] == "scim_server.request"]
    assert requests[0]["traceId"] == _TRACE
    assert {line["traceId"] for line in requests} == {span.trace for span in receiver.spans}


def test_nothing_personal_or_secret_is_sent(traced: tuple[OtlpReceiver, str], connection: Connection) -> None:
    receiver, _ = traced
    assert b"request-1" in receiver.raw
    for private in ("ada", "Lovelace", "nobody", connection.token("provision"), "wrong", "PROPFIND"):
        assert private.encode() not in receiver.raw


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "scim"},
    ],
)
def test_no_traces_where_none_are_asked_for(environment: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    assert start_tracing(environment) is None
    assert caplog.records == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "otlp or none is expected, not zipkin"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "http/protobuf is expected, not grpc",
        ),
    ],
)
def test_what_cannot_be_honoured_is_a_warning(
    environment: dict[str, str], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert start_tracing(environment) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert expected in record.getMessage()


def test_without_the_extra_there_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert start_tracing({"OTEL_TRACES_EXPORTER": "otlp"}) is None
    assert "the extra `otel`" in caplog.text


def test_a_server_without_traces_does_not_load_the_sdk() -> None:
    """FastAPI loads the API itself."""
    names = "('opentelemetry.sdk', 'opentelemetry.exporter', 'scim_server.tracing.storage', 'requests')"
    program = f"import sys, scim_server.cli; print([name for name in sys.modules if name.startswith({names})])"
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ended.stdout == "[]\n"


def test_a_receiver_that_is_away_harms_nobody(tmp_path: Path, connection: Connection) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(connection), environment)
    server.start()
    headers = {"Authorization": f"Bearer {connection.token('provision')}"}
    answer = httpx.post(
        f"{server.url}{connection.path}/Users", json={"userName": "ada"}, headers=headers, trust_env=False
    )
    assert answer.status_code == 201
    assert server.stop() == 0
