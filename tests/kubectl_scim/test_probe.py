"""`kubectl scim probe`: nothing to complain about where all is well, and the fault named where something isn't."""

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from kubectl_scim.probe.providers import PROVIDERS
from tests.control_plane.certificates import CertificateAuthority
from tests.kubectl_scim.faulty import Answer, Fault, Forward, Request, faulty_server, scim_error
from tests.support.local_mode import PROVIDER_TOKEN, RunningLocalMode
from tests.support.processes import free_port, kill_process, start_process, wait_until
from tests.support.warm_programs import run_program

SCRIPT = Path(sys.executable).with_name("kubectl-scim")


def probe(url: str, provider: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {"SCIM_TOKEN": PROVIDER_TOKEN, "NO_COLOR": "1", "TERM": "dumb"}
    return run_program("kubectl-scim", "probe", url, "--as", provider, *arguments, environment=environment)


@pytest.fixture
def url(good_server: RunningLocalMode) -> Iterator[str]:
    """Of the good server. Nothing is on it before a test and after it."""
    url = good_server.base_url()
    yield url
    assert names_at(url) == []


def names_at(url: str) -> list[str]:
    headers = {"Authorization": f"Bearer {PROVIDER_TOKEN}"}
    users, groups = (httpx.get(f"{url}/{kind}", headers=headers).json()["Resources"] for kind in ("Users", "Groups"))
    return [user["userName"] for user in users] + [group["displayName"] for group in groups]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_is_content_with_our_server(provider: str, url: str) -> None:
    ended = probe(url, provider)

    assert ended.returncode == 0, ended.stdout
    assert re.search(r"would be content: 0 complaints, 0 warnings in \d+ steps\.", ended.stdout)
    assert "What it made is deleted again." in ended.stdout
    assert ended.stderr == ""


# Faults. Each is a small server; what a provider makes of it stands beside it below.


def a_login_page(_request: Request, _forward: Forward) -> Answer:
    return Answer(200, {"Content-Type": "text/html"}, b"<html>Log in</html>")


def another_host(_request: Request, _forward: Forward) -> Answer:
    return Answer(404, {"Content-Type": "text/plain"}, b"404 page not found")


def a_redirect(_request: Request, _forward: Forward) -> Answer:
    return Answer(301, {"Location": "https://elsewhere.example/scim/v2"})


def a_refused_token(_request: Request, _forward: Forward) -> Answer:
    return scim_error(401, f"token {PROVIDER_TOKEN} has \x1b[31mexpired")


def a_crash(request: Request, forward: Forward) -> Answer:
    return scim_error(500, "database is on fire") if request.method == "POST" else forward(request)


def too_deep_an_answer(_request: Request, _forward: Forward) -> Answer:
    return Answer(200, {"Content-Type": "application/scim+json"}, b"[" * 100_000 + b"]" * 100_000)


def an_error_cut_short(_request: Request, _forward: Forward) -> Answer:
    return Answer(500, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"}, b"no size\r\n")


def the_token_in_a_list(_request: Request, _forward: Forward) -> Answer:
    return Answer(200, {"Content-Type": "application/scim+json"}).with_json(
        {"totalResults": f"\x1b[2J{PROVIDER_TOKEN}", "Resources": 7}
    )


def duplicates_with_numbers(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if answer.status != 409:
        return answer
    return Answer(201, {"Content-Type": "application/scim+json"}).with_json({"id": 7})


def no_content_type(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return Answer(answer.status, {}, answer.body)


def plain_json(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return Answer(answer.status, answer.headers | {"content-type": "application/json"}, answer.body)


def nothing_found_is_404(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return scim_error(404) if "filter=" in request.path and answer.json["totalResults"] == 0 else answer


def filters_are_ignored(request: Request, forward: Forward) -> Answer:
    if "filter=" not in request.path:
        return forward(request)
    stranger = {"id": "1", "userName": "stranger", "displayName": "stranger"}
    answer = forward(Request("GET", "/Users?count=1", b"", request.headers))
    return answer.with_json(answer.json | {"totalResults": 1, "Resources": [stranger]})


def user_names_with_case(request: Request, forward: Forward) -> Answer:
    if "SCIM-PROBE" in request.path:
        request.path = request.path.replace("SCIM-PROBE", "nobody")
    return forward(request)


def an_empty_creation(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return Answer(201, answer.headers) if request.method == "POST" else answer


def no_id(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.method != "POST":
        return answer
    return answer.with_json({name: value for name, value in answer.json.items() if name != "id"})


def creations_are_200(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return Answer(200, answer.headers, answer.body) if answer.status == 201 else answer


def duplicates_are_made(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if answer.status != 409:
        return answer
    return Answer(201, {"Content-Type": "application/scim+json"}).with_json({**request.json, "id": "twin"})


def duplicates_are_400(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return scim_error(400, "already there") if answer.status == 409 else answer


def errors_of_its_own(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return answer.with_json({"message": "already there"}) if answer.status == 409 else answer


def a_total_in_words(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    document = answer.json if answer.body else None
    if isinstance(document, dict) and "totalResults" in document:
        return answer.with_json(document | {"totalResults": str(document["totalResults"])})
    return answer


def patch_is_missing(request: Request, forward: Forward) -> Answer:
    return scim_error(501, "not implemented") if request.method == "PATCH" else forward(request)


def patch_without_a_path_does_nothing(request: Request, forward: Forward) -> Answer:
    if request.method == "PATCH" and not any("path" in operation for operation in request.json["Operations"]):
        return forward(Request("GET", request.path, b"", request.headers))
    return forward(request)


def users_are_patched_with_204(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return Answer(204, {}) if request.method == "PATCH" else answer


def groups_are_patched_with_200(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.method == "PATCH" and request.path.startswith("/Groups"):
        return forward(Request("GET", request.path, b"", request.headers))
    return answer


def operations_in_small_letters(request: Request, forward: Forward) -> Answer:
    if request.method == "PATCH" and any(operation["op"].istitle() for operation in request.json["Operations"]):
        return scim_error(400, "op: add, remove or replace is expected")
    return forward(request)


def booleans_as_they_come(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    document = answer.json if request.method == "GET" and request.path.startswith("/Users/") else None
    if isinstance(document, dict) and document.get("active") is False:
        return answer.with_json(document | {"active": "False"})
    return answer


def removal_of_one_removes_all(request: Request, forward: Forward) -> Answer:
    if request.method == "PATCH" and b'"Remove"' in request.body:
        operations = [{"op": "remove", "path": "members"}]
        request.body = json.dumps(request.json | {"Operations": operations}).encode()
    return forward(request)


def members_in_every_answer(request: Request, forward: Forward) -> Answer:
    if request.method == "GET" and request.path.startswith("/Groups/"):
        request.path = request.path.partition("?")[0]
    return forward(request)


def no_filter_by_e_mail(request: Request, forward: Forward) -> Answer:
    return scim_error(400, "invalidFilter") if "emails" in request.path else forward(request)


def no_discovery(request: Request, forward: Forward) -> Answer:
    discovery = ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")
    return scim_error(404) if request.path.startswith(discovery) else forward(request)


def patch_is_not_announced(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.path == "/ServiceProviderConfig":
        return answer.with_json(answer.json | {"patch": {"supported": False}})
    return answer


def pages_are_ignored(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.path.startswith("/Users?startIndex=1&count=2"):
        users = [{"id": str(number), "userName": f"user-{number}"} for number in range(5)]
        return answer.with_json(answer.json | {"totalResults": 5, "Resources": users})
    return answer


def additions_again_are_409(request: Request, forward: Forward) -> Answer:
    if request.method == "PATCH" and b'"add"' in request.body:
        [operation] = request.json["Operations"]
        group = forward(Request("GET", request.path, b"", request.headers)).json
        if operation["value"][0]["value"] in [member["value"] for member in group.get("members", ())]:
            return scim_error(409, "already a member")
    return forward(request)


FAILING: list[tuple[Fault, str, str]] = [
    (a_login_page, "okta", "Content-Type is text/html; Okta expects application/scim+json"),
    (another_host, "entra", "404, and not as SCIM answers it: is the base URL right?"),
    (a_redirect, "okta", "redirects to https://elsewhere.example/scim/v2; Okta doesn't follow"),
    (too_deep_an_answer, "okta", "the body is no JSON object: [[["),
    (an_error_cut_short, "entra", "the connection fails: IncompleteRead"),
    (the_token_in_a_list, "okta", "totalResults is '\\x1b[2J…' in the list"),
    (duplicates_with_numbers, "okta", "the same userName again is answered 201"),
    (a_refused_token, "okta", 'refuses the token with 401: "token … has  [31mexpired"'),
    (a_crash, "jumpcloud", 'JumpCloud expects 201 or 200, the answer is 500: "database is on fire"'),
    (no_content_type, "entra", "Content-Type is missing; Microsoft Entra ID expects application/scim+json"),
    (nothing_found_is_404, "okta", "GET /Users: Okta expects 200, the answer is 404"),
    (filters_are_ignored, "entra", "the filter isn't applied; Microsoft Entra ID would take a stranger"),
    (an_empty_creation, "okta", "the body is empty; Okta reads the resource there"),
    (no_id, "pingone", "the answer has no id (a string); PingOne can't change or remove"),
    (duplicates_are_made, "okta", "the same userName again is answered 201: a retry of Okta makes duplicates"),
    (duplicates_are_400, "entra", "the same userName again is answered 400; Microsoft Entra ID understands 409 only"),
    (a_total_in_words, "onelogin", "totalResults is '0' in the list; OneLogin expects a number"),
    (patch_is_missing, "okta", 'Okta expects 200 or 204, the answer is 501: "not implemented"'),
    (patch_without_a_path_does_nothing, "okta", "answered as done, but active is False instead of True"),
    (operations_in_small_letters, "entra", 'the answer is 400: "op: add, remove or replace is expected"'),
    (booleans_as_they_come, "entra", "answered as done, but active is 'False' instead of False"),
    (removal_of_one_removes_all, "entra", "the group has 0 members afterwards instead of 1: 1 missing, 0 too many"),
    (no_discovery, "cyberark", "/ResourceTypes is answered with 404: CyberArk can't set up the connection"),
    (additions_again_are_409, "jumpcloud", 'the answer is 409: "already a member"'),
]

WARNING: list[tuple[Fault, str, str]] = [
    (plain_json, "okta", "Content-Type is application/json; the standard's is application/scim+json"),
    (user_names_with_case, "okta", "Okta compares user names without case, and would create this one again"),
    (creations_are_200, "google", "a creation is answered 200; the standard's status is 201"),
    (
        errors_of_its_own,
        "okta",
        "an error (409) comes without the schema urn:ietf:params:scim:api:messages:2.0:Error",
    ),
    (users_are_patched_with_204, "okta", "PATCH is answered 204: Okta documents 200 with the user"),
    (users_are_patched_with_204, "entra", "Microsoft's SCIM Validator expects 200 with the user"),
    (groups_are_patched_with_200, "entra", "the whole group comes with every member that is added"),
    (members_in_every_answer, "entra", "excludedAttributes=members isn't honoured"),
    (no_filter_by_e_mail, "entra", "Entra ID sends it only where this attribute is used for matching"),
    (no_discovery, "authentik", "authentik falls back to its defaults and sends whole groups"),
    (patch_is_not_announced, "authentik", "patch.supported isn't true in /ServiceProviderConfig"),
    (pages_are_ignored, "okta", "count=2 was asked for and 5 came: Okta reads page by page"),
]


def _name(value: object) -> str:
    return str(getattr(value, "__name__", value if value in PROVIDERS else "-"))


@pytest.mark.parametrize(("fault", "provider", "complaint"), FAILING, ids=_name)
def test_a_fault_at_which_the_provider_fails(fault: Fault, provider: str, complaint: str, url: str) -> None:
    with faulty_server(url, fault) as faulty:
        ended = probe(faulty, provider)

    assert complaint in ended.stdout
    assert ended.returncode == 1
    assert PROVIDERS[provider].name.lower() + " would fail: " in ended.stdout.lower()
    assert PROVIDER_TOKEN not in ended.stdout + ended.stderr
    assert "Left behind" not in ended.stdout


@pytest.mark.parametrize(("fault", "provider", "warning"), WARNING, ids=_name)
def test_a_fault_that_is_worth_a_warning(fault: Fault, provider: str, warning: str, url: str) -> None:
    with faulty_server(url, fault) as faulty:
        ended = probe(faulty, provider)

    assert warning in ended.stdout
    assert ended.returncode == 0, ended.stdout
    assert "would be content: 0 complaints, " in ended.stdout


def test_what_cannot_be_deleted_is_named(good_server: RunningLocalMode) -> None:
    def no_deletion(request: Request, forward: Forward) -> Answer:
        return scim_error(405) if request.method == "DELETE" else forward(request)

    url = good_server.base_url()
    with faulty_server(url, no_deletion) as faulty:
        ended = probe(faulty, "okta")

    assert ended.returncode == 1
    left = re.findall(r"^  (/\w+/\S+) \((scim-probe-\S+)\): DELETE is answered 405$", ended.stdout, re.MULTILINE)
    assert sorted(name for _, name in left) == sorted(names_at(url))
    for path, _ in left:
        httpx.delete(url + path, headers={"Authorization": f"Bearer {PROVIDER_TOKEN}"}).raise_for_status()
    assert names_at(url) == []


def test_an_answer_that_never_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_answer_byte_by_byte, args=(listening,), daemon=True)
        thread.start()
        ended = probe(f"http://127.0.0.1:{listening.getsockname()[1]}/scim", "keycloak")
        thread.join(10)

    assert "no answer within 5 seconds" in ended.stdout
    assert ended.returncode == 1
    assert ended.stderr == ""


def _answer_byte_by_byte(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/scim+json\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b" ")
            time.sleep(0.2)


def test_a_server_that_is_too_slow(url: str) -> None:
    release = threading.Event()

    def slow(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if request.method == "POST":
            release.wait(60)
        return answer

    with faulty_server(url, slow) as faulty:
        try:
            ended = probe(faulty, "keycloak")
        finally:
            release.set()

    assert "no answer within 5 seconds" in ended.stdout
    assert "What it made is deleted again." in ended.stdout
    assert ended.returncode == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_probe_takes_away_what_it_made(sent: signal.Signals, url: str, tmp_path: Path) -> None:
    """Also what a request made whose answer it never saw."""
    created, release = threading.Event(), threading.Event()

    def answers_late(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if request.method == "POST" and request.path == "/Groups":
            created.set()
            release.wait(60)
        return answer

    log = tmp_path / "log"
    token = tmp_path / "token"
    token.write_text(f"{PROVIDER_TOKEN}\n")
    with faulty_server(url, answers_late) as faulty:
        process = start_process([SCRIPT, "probe", faulty, "--as", "okta", "--token-file", token], log=log)
        try:
            assert created.wait(60)
            assert len(names_at(url)) == 3
            assert kill_process(process, sent) == 130
        finally:
            release.set()

    assert "interrupted: undoing" in log.read_text()
    assert "What it made is deleted again." in log.read_text()


def test_a_terminal_that_goes_away_leaves_nothing_behind(url: str) -> None:
    """As in `kubectl scim probe … | head -5`."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as output, faulty_server(url, lambda request, forward: forward(request)) as front:
        process = subprocess.Popen(
            [SCRIPT, "probe", front],
            env={**os.environ, "SCIM_TOKEN": PROVIDER_TOKEN, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
        output.close()
        read = b""
        while b"create a user" not in read:
            read += os.read(reading, 1000)
        os.close(reading)
        assert process.wait(60) != 0


def test_a_server_that_is_not_there() -> None:
    ended = probe(f"http://127.0.0.1:{free_port()}/scim/v2", "okta")
    assert "nothing listens at 127.0.0.1:" in ended.stdout
    assert "the rest was not tried" in ended.stdout
    assert ended.returncode == 1


def test_a_server_without_tls(url: str) -> None:
    ended = probe(url.replace("http://", "https://"), "okta")
    assert "doesn't answer with TLS: is it http, or another port?" in ended.stdout
    assert ended.returncode == 1


@pytest.mark.parametrize("provider", ["okta", "entra"])
def test_a_token_that_goes_unencrypted(provider: str) -> None:
    ended = probe("http://scim.invalid/scim/v2", provider)
    assert "for https: with http the token can be read on the way" in ended.stdout
    assert "the name scim.invalid isn't known" in ended.stdout


def test_a_certificate_of_an_unknown_authority(url: str, tmp_path: Path) -> None:
    authority = CertificateAuthority()
    pair = authority.issue_server(["localhost"], ["127.0.0.1"])
    both, ca_file = tmp_path / "both.pem", tmp_path / "ca.pem"
    both.write_bytes(pair.key + pair.certificate)
    ca_file.write_bytes(authority.certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(both)

    with faulty_server(url, lambda request, forward: forward(request), tls) as front:
        unknown, known = probe(front, "generic"), probe(front, "generic", "--ca-file", ca_file)

    assert "the certificate isn't trusted: " in unknown.stdout
    assert unknown.returncode == 1
    assert known.returncode == 0, known.stdout


def test_query_parameters_of_the_base_url_go_with_every_request(url: str) -> None:
    asked: list[str] = []

    def note(request: Request, forward: Forward) -> Answer:
        asked.append(request.path)
        return forward(request)

    with faulty_server(url, note) as front:
        assert probe(f"{front}/?aadOptscim062020", "entra").returncode == 0

    assert all("?aadOptscim062020" in path for path in asked)
    assert any("?aadOptscim062020&filter=userName+eq+" in path for path in asked)


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["https://x.example/scim"], "", "a token is expected: --token-file FILE"),
        (["https://x.example/scim", "--token-file", "-"], "", "a token is expected"),
        (
            ["https://x.example/scim", "--token-file", "-"],
            "a b",
            "the token has characters that no provider can send",
        ),
        (["https://x.example/scim", "--token-file", "/nowhere"], "", "--token-file: /nowhere: No such file"),
        (["https:///scim", "x"], "", "URL: https://HOST/PATH is expected"),
        (["ftp://x.example/scim", "x"], "", "URL: https://HOST/PATH is expected"),
        (["https://me:secret@x.example/scim", "x"], "", "a password doesn't belong into the URL"),
        (["https://x.example/scim", "x", "--as", "oktta"], "", "--as: 'oktta' is not one of 'okta', 'entra'"),
        (["https://x.example/scim", "x", "--ca-file", "/nowhere"], "", "--ca-file: /nowhere: No such file"),
        (["okta", "x"], "", "'okta' is no URL (https://HOST/PATH)"),
        (["x.example/scim", "x"], "", "'x.example/scim' is no URL (https://HOST/PATH)"),
        (["x.example/scim"], "", "'x.example/scim' is neither a URL (https://HOST/PATH) nor the name"),
        ([], "", "probe: URL|NAME: a value is required"),
        (["okta", "--service", "x"], "", "--service: NAMESPACE/NAME is expected"),
    ],
)
def test_what_cannot_be_played_is_one_line_and_status_2(arguments: list[str], stdin: str, words: str) -> None:
    ended = run_program("kubectl-scim", "probe", *arguments, stdin=stdin)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_the_token_by_standard_input_and_as_a_password(good_server: RunningLocalMode) -> None:
    """The quick start has no passwords: it is enough that one is sent as such."""
    sent: list[str] = []

    def note(request: Request, _forward: Forward) -> Answer:
        sent.append(request.headers["Authorization"])
        return scim_error(401)

    with faulty_server(good_server.base_url(), note) as front:
        run_program("kubectl-scim", "probe", front, "--token-file", "-", stdin="a-token\n")
        run_program("kubectl-scim", "probe", front, "--token-file", "-", "--user", "me", stdin="a password\n")

    assert sent[0] == "Bearer a-token"
    assert sent[-1] == "Basic bWU6YSBwYXNzd29yZA=="


def test_somebody_elses_server(tmp_path: Path) -> None:
    """scim2-server, which reads requests as the standard has them."""
    port = free_port()
    command: list[str | Path] = [
        SCRIPT.with_name("scim2-server"),
        "--port",
        str(port),
        "--bearer-token",
        PROVIDER_TOKEN,
    ]
    server = start_process(command, log=tmp_path / "log")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(_answers(url), seconds=60, what="scim2-server", process=server, log=tmp_path / "log")
        okta, onelogin, pingone = (probe(url, provider) for provider in ("okta", "onelogin", "pingone"))
        assert names_at(url) == []
    finally:
        kill_process(server)

    assert okta.returncode == 0, okta.stdout
    assert "PATCH is answered 204: Okta documents 200 with the user" in okta.stdout
    assert "schemas must contain the base schema" in onelogin.stdout
    assert onelogin.returncode == 1
    assert "2 items marked as primary" in pingone.stdout
    assert pingone.returncode == 1


def _answers(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            return httpx.get(url).status_code < 500
        except httpx.TransportError:
            return False

    return answers
