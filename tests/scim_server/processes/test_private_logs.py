"""Whole sequences of providers, failures too: neither persons nor secrets get into logs, metrics and traces.

Into logs at no level.
"""

import base64
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.providers.scenario import play, read
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.processes import wait_until
from tests.support.server_process import ServerProcess
from tests.support.serving import TOKEN_KEY, Connection, bundle_of, client_of

_SCENARIOS = sorted(
    path
    for provider in ("okta", "entra_id", "keycloak", "onelogin")
    for path in (Path(__file__).parents[2] / "providers" / provider).glob("*.json")
)
_NOT_PRIVATE = {"Group"}  # a part of `/Groups`


def private_values(value: Any, name: str = "") -> Iterator[str]:
    """What a request's body says of a person or a group: all text but names of attributes and schemas."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("schemas", "op", "path", "type", "$ref"):
                yield from private_values(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from private_values(inner, name)
    elif isinstance(value, str) and len(value) > 4 and not value.startswith(("urn:", "${")):
        yield value


def told(server: ServerProcess, traces: OtlpReceiver) -> dict[str, str]:
    """Everything that a running server tells anybody but its clients. Ends it, so that no trace is left unsent."""
    metrics = httpx.get(f"{server.management_url}/metrics", trust_env=False).text.splitlines()
    assert server.stop() == 0
    samples = "\n".join(line for line in metrics if not line.startswith("#"))
    return {"metrics": samples, "log": server.log.read_text(), "traces": traces.raw.decode("latin-1")}


def logged(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


@pytest.fixture
def connections() -> list[Connection]:
    return [Connection(key=f"acme/scenario-{number}") for number in range(len(_SCENARIOS))]


@pytest.fixture
def traces() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def server(tmp_path: Path, connections: list[Connection], traces: OtlpReceiver) -> Iterator[ServerProcess]:
    url = f"sqlite:///{tmp_path}/scim.db"
    environment = {
        "SCIM_LOG_LEVEL": "debug",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.endpoint,
        "OTEL_BSP_MAX_QUEUE_SIZE": "100000",
        "NO_PROXY": "127.0.0.1",
    }
    process = ServerProcess(tmp_path / "server", url, bundle_of(*connections), environment)
    process.start()
    yield process
    process.kill()


async def test_sequences_of_providers(
    server: ServerProcess, connections: list[Connection], traces: OtlpReceiver
) -> None:
    private: set[str] = set()
    for path, connection in zip(_SCENARIOS, connections, strict=True):
        document = read(path)
        async with (
            client_of(server.url, connection) as provider,
            client_of(server.url, connection, "read") as application,
        ):
            await play(document, provider, application)
            private |= {resource["id"] for resource in (await application.get("/Users")).json()["Resources"]}
        private |= {value for step in document["steps"] for value in private_values(step["request"].get("body"))}
    texts = told(server, traces)
    assert len(private) > 50
    requests = [line for line in logged(server) if line["logger"] == "scim_server.request"]
    assert len(requests) > 50
    assert len([span for span in traces.spans if "http.route" in span.attributes]) == len(requests)
    secrets = {TOKEN_KEY.hex()} | {one.token(name) for one in connections for name in ("provision", "read")}
    for where, text in texts.items():
        assert [value for value in sorted((private | secrets) - _NOT_PRIVATE) if value in text] == [], where


async def test_failures(
    server: ServerProcess, connections: list[Connection], tmp_path: Path, traces: OtlpReceiver
) -> None:
    connection = connections[0]
    basic = base64.b64encode(b"okta-user:a-basic-password").decode()
    forged = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
    async with client_of(server.url, connection) as provider:
        statuses = [
            (await provider.get("/Users", headers={"Authorization": authorization})).status_code
            for authorization in ("Bearer a-wrong-token", f"Basic {basic}", f"Bearer {forged}")
        ]
        grant = {"grant_type": "client_credentials", "client_id": "an-id", "client_secret": "a-client-secret"}
        statuses.append((await provider.post(f"{server.url}/{connection.key}/oauth/token", data=grant)).status_code)
        assert {*statuses} <= {400, 401}
        taken = {"userName": "ada@acme.com", "password": "correct horse", "title": "Countess of Lovelace"}
        assert (await provider.post("/Users", json=taken)).status_code == 201
        assert (await provider.post("/Users", json=taken)).status_code == 409
        assert (await provider.post("/Users", content=b'{"userName": "ada@acme.com", ')).status_code == 400
        wrong = {"filter": 'nonsense eq "ada@acme.com"'}
        assert (await provider.get("/Users", params=wrong)).status_code == 400
        with sqlite3.connect(tmp_path / "scim.db") as database:
            database.create_function("fold", 1, str.lower)  # triggers name it
            database.execute("ALTER TABLE user_emails RENAME TO broken")
        database.close()
        broken = {"userName": "eve@acme.com", "emails": [{"value": "eve@acme.com"}]}
        answer = await provider.post("/Users", json=broken, headers={"X-Request-ID": "request-500"})
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "request-500"
    assert "eve@" not in answer.text
    texts = told(server, traces)
    failed = [line for line in logged(server) if line.get("requestId") == "request-500"]
    assert [line["message"] for line in failed] == ["request failed", "request"]
    assert "sqlite3.OperationalError at " in failed[0]["exception"]
    for private in (
        *("ada@", "eve@", "Lovelace", "correct horse"),  # an attribute's name is told, no value
        *("a-wrong-token", basic, "a-basic-password", forged, "a-client-secret", connection.token("provision")),
    ):
        assert [where for where, text in texts.items() if private in text] == [], private


@pytest.mark.parametrize(
    "url", ["postgresql://ann:s3cret@127.0.0.1:1/scim", "postgresql://@127.0.0.1:1/x?password=s3cret"]
)
def test_the_password_of_an_absent_database(url: str, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, url, bundle_of(Connection()), {"SCIM_LOG_LEVEL": "debug"})
    server.launch()
    wait_until(lambda: server.log.read_text().count("next attempt") >= 2, seconds=20, what="attempts", log=server.log)
    assert httpx.get(f"{server.management_url}/readyz", trust_env=False).status_code == 503
    assert server.stop() == 0
    assert "serving" in server.log.read_text()
    assert "s3cret" not in server.log.read_text()
