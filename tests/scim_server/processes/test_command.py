"""The command `scim-server`: options, ending, log."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from scim_server.config import MINIMUM_TOKEN_BYTES
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.server_process import ServerProcess
from tests.support.serving import TOKEN_KEY, Connection, bundle_of
from tests.support.warm_programs import run_program


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_program("scim-server", *arguments, environment={"SCIM_INSECURE_MANAGEMENT": "true", **environment})


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--database", "mysql://root:secret@host/db"], "--database: sqlite:///PATH or postgresql://"),
        (["--database", "postgresql://ann:secret@host:99999/db"], "--database: postgresql://USER:PASSWORD@"),
        (["--database", "sqlite:///:x", "--config-dir", "/nonexistent"], "--config-dir"),
        (
            ["--database", "sqlite:///x", "--database-url-file", sys.executable],
            "--database-url-file: it is in place of",
        ),
        (["--database-password-file", "/nonexistent"], "--database-password-file: /nonexistent: does not exist"),
        (["copy", "--from", "postgresql://db/scim", "--to", "postgresql://db/scim"], "--from: sqlite:///PATH"),
        (["copy", "--from", "sqlite:///x", "--to", "sqlite:///y"], "--to: postgresql://USER@HOST/DATABASE is"),
        (["--management-token-file", "/nonexistent"], "--management-token-file: /nonexistent: does not exist"),
        (["--management-token-file", "/"], "--management-token-file: /: a file is expected"),
        (["--config-dir", sys.executable], "a folder is expected"),
        (["--public-url", "scim.example.com"], "--public-url: https://HOST is expected"),
        (["--public-url", "https://"], "--public-url"),
        (["--public-url", "https://user:secret@scim.example.com"], "--public-url"),
        (["--public-url", "https://scim.example.com/?a=b"], "--public-url"),
        (["--trusted-proxy", "the-proxy"], "--trusted-proxy: 'the-proxy'"),
    ],
)
def test_bad_values_are_one_line_and_status_2(arguments: list[str], named: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert named in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "secret" not in result.stderr


@pytest.mark.parametrize("damaged", [True, False])
def test_a_database_that_is_none_ends_the_server(tmp_path: Path, damaged: bool) -> None:
    path = tmp_path / "scim.db"
    if damaged:
        path.write_text("This is not a database. " * 100)
    else:
        path.mkdir()
    result = run("--host", "127.0.0.1", "--port", "0", "--management-port", "0", "--database", f"sqlite:///{path}")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"scim-server: SQLite database {path}: ")
    assert "Traceback" not in result.stderr


def test_an_unknown_database_is_one_line_and_status_2(postgres_server: PostgresServer) -> None:
    url = postgres_server.dsn("no_such_database")
    result = run("--port", "0", "--management-port", "0", "--database", url)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line == """scim-server: PostgreSQL can't be used: database "no_such_database" does not exist"""


def test_a_port_in_use_is_one_line_and_status_2(tmp_path: Path, connection: Connection) -> None:
    server = ServerProcess(tmp_path / "first", f"sqlite:///{tmp_path}/a.db", bundle_of(connection))
    server.start()
    port = server.url.rpartition(":")[2]
    ports = ("--port", port, "--management-port", "0")
    result = run("--host", "127.0.0.1", *ports, "--database", f"sqlite:///{tmp_path}/b.db")
    server.stop()
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == f"scim-server: 127.0.0.1:{port}: Address already in use"


def test_the_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"scim-server {version('scim-operator')}\n")
    assert "Traceback" not in result.stderr


def test_a_database_of_a_newer_server_is_refused(tmp_path: Path, connection: Connection) -> None:
    path = tmp_path / "scim.db"
    server = ServerProcess(tmp_path / "first", f"sqlite:///{path}", bundle_of(connection))
    server.start()
    server.stop()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO schema_migrations (version, usable_from, server) VALUES (9999, 9999, '9.9')")
    result = run("--port", "0", "--management-port", "0", "--database", f"sqlite:///{path}")
    assert result.returncode == 2
    assert "9999" in result.stderr.splitlines()[-1]


def test_a_database_that_turns_out_to_be_unusable_ends_the_process_with_status_2_and_one_line(
    tmp_path: Path, connection: Connection
) -> None:
    path = tmp_path / "scim.db"
    server = ServerProcess(tmp_path / "first", f"sqlite:///{path}", bundle_of(connection))
    server.start()
    server.stop()
    database = sqlite3.connect(path)
    database.execute("BEGIN EXCLUSIVE")
    database.execute("INSERT INTO schema_migrations (version, usable_from, server) VALUES (9999, 9999, '9.9')")
    server.log.unlink()
    server.launch()
    wait_until(lambda: "next attempt" in server.log.read_text(), seconds=60, what="an attempt", log=server.log)
    database.commit()
    database.close()
    assert server.wait() == 2
    *logged, last = server.log.read_text().splitlines()
    assert last.startswith("scim-server: the database has schema 9999")
    assert all(json.loads(line)["level"] != "critical" for line in logged)


def test_help_shows_every_environment_variable() -> None:
    result = run("--help")
    assert result.returncode == 0
    for name in ("SCIM_CONFIG_DIR", "SCIM_DATABASE", "SCIM_MANAGEMENT_TOKEN_FILE", "SCIM_LOG_FORMAT"):
        assert name in result.stdout


def test_sigterm_answers_what_is_under_way(tmp_path: Path, connection: Connection) -> None:
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(connection))
    server.start()
    reading = threading.Event()

    def slow_body() -> object:
        yield b'{"userName": '
        reading.set()
        stopping.wait(5)
        yield b'"ada@acme.com"}'

    stopping = threading.Event()
    answers: list[httpx.Response] = []
    headers = {"Authorization": f"Bearer {connection.token('provision')}", "Content-Type": "application/scim+json"}
    request = threading.Thread(
        target=lambda: answers.append(
            httpx.post(
                f"{server.url}{connection.path}/Users",
                content=slow_body(),  # type: ignore[arg-type]
                headers=headers,
                trust_env=False,
            )
        )
    )
    request.start()
    assert reading.wait(10)
    ending = threading.Timer(0.3, stopping.set)
    ending.start()
    assert server.stop() == 0
    request.join(10)
    assert [answer.status_code for answer in answers] == [201]


def test_sigterm_hands_clients_over_before_the_end(tmp_path: Path, connection: Connection) -> None:
    delay = {"SCIM_TERMINATION_DELAY": "60"}
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(connection), delay)
    server.start()
    url = f"{server.url}{connection.path}/Users"
    authorization = {"Authorization": f"Bearer {connection.token('provision')}"}
    with (
        httpx.Client(headers=authorization, trust_env=False) as client,
        httpx.Client(headers=authorization, trust_env=False) as idle,
    ):
        assert "connection" not in client.get(url).headers
        idle.get(url)
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: client.get(url).headers.get("connection") == "close", seconds=30, what="handing over")
        # A connection from before and a new one are served once more, and no connection twice.
        for one in (idle, client, client):
            answer = one.get(url)
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert server.is_ready()
    assert server.stop() == 0  # a second signal ends the delay


def test_the_log_has_one_line_per_request_and_nothing_personal_or_secret(
    tmp_path: Path, connection: Connection
) -> None:
    server = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(connection))
    server.start()
    with httpx.Client(
        base_url=server.url + connection.path,
        headers={"Authorization": f"Bearer {connection.token('provision')}"},
        trust_env=False,
    ) as client:
        user = {"userName": "ada@acme.com", "password": "correct horse", "name": {"familyName": "Lovelace"}}
        created = client.post("/Users", json=user, headers={"X-Request-ID": "request-1"}).json()
        client.get("/Users", params={"filter": 'userName eq "ada@acme.com"'})
        client.get(f"/Users/{created['id']}")
        client.get("/Users", headers={"Authorization": "Bearer a-wrong-token-of-a-stranger"})
        client.post("/Users", content=b'{"userName": "ada@acme.com", ', headers={"Content-Type": "application/json"})
    server.stop()
    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line["logger"] == "scim_server.request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/Users", 201),
        ("GET", "/Users", 200),
        ("GET", "/Users/{id}", 200),
        ("GET", "unknown", 401),
        ("POST", "/Users", 400),
    ]
    assert {(line["tenant"], line["credential"]) for line in requests} == {("acme/okta", "provision"), ("", "")}
    assert requests[0]["requestId"] == "request-1"
    assert all(line["durationMs"] > 0 for line in requests)
    for private in (
        "ada@",
        "Lovelace",
        "correct horse",
        created["id"],
        connection.token("provision"),
        "a-wrong-token",
        TOKEN_KEY.hex(),
    ):
        assert private not in text
    assert len(connection.token("provision")) >= MINIMUM_TOKEN_BYTES
