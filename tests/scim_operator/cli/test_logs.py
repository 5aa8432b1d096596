"""The operator's log lines: tracebacks, but nothing that validation was given."""

import json
import logging
from collections.abc import Iterator

import aiohttp
import pytest

from scim_operator.cli.log_filters import OnceAMinute
from scim_operator.cli.logs import configure_logs
from scim_server.config import ServerSecrets
from scim_server.logs import LogFormat

DIGEST = "d1" * 31


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """As it was, afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("log_format", LogFormat)
def test_an_error_has_its_traceback_without_what_was_validated(
    log_format: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(log_format)
    try:
        try:
            ServerSecrets(revision=1, token_key=DIGEST)
        except ValueError as error:
            raise RuntimeError("the document can't be read") from error
    except RuntimeError:
        logging.getLogger("scim_operator").exception("it failed")
    text = capsys.readouterr().err
    assert "it failed" in text
    assert "1 validation errors for ServerSecrets" in text
    assert "test_logs.py" in text
    assert DIGEST not in text
    if log_format is LogFormat.JSON:
        assert json.loads(text)["logger"] == "scim_operator"


_URL = "https://user:secret@10.0.0.1:6443/apis/scim-operator.io/v1alpha1/rolemappings?watch=true"
_FORBIDDEN = (
    'rolemappings.scim-operator.io is forbidden: User "u" cannot list resource "rolemappings" in API group '
    '"scim-operator.io" at the cluster scope'
)
_ELSEWHERE = 'secrets is forbidden: User "u" cannot watch resource "secrets" in API group "" in the namespace "acme"'
_NO_ANSWER = "the Kubernetes API doesn't answer at https://10.0.0.1:6443"
_APPLY = "apply charts/scim-operator/rbac"


class ServerError(Exception):
    status = 500


def kopf_fails(error: Exception) -> None:
    """What kopf does with a request that fails."""
    try:
        raise error
    except Exception as caught:
        logging.getLogger("kopf._cogs.clients.watching").error(
            f"Request attempt #3 failed; will retry: GET {_URL} -> {caught!r}"
        )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError(_FORBIDDEN), f"the operator may not list rolemappings: {_APPLY}"),
        (RuntimeError(_ELSEWHERE), f"the operator may not watch secrets in namespace acme: {_APPLY}"),
        (ConnectionRefusedError(111, "Connection refused"), f"{_NO_ANSWER}: the connection is refused"),
        (aiohttp.ServerDisconnectedError(), f"{_NO_ANSWER}: the connection broke off"),
        (TimeoutError(), f"{_NO_ANSWER}: not in time"),
        (ServerError(), "the Kubernetes API at https://10.0.0.1:6443 answers 500"),
    ],
)
def test_kopfs_lines_on_requests_that_fail_are_in_words_of_ours(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(LogFormat.JSON)
    for _ in range(3):
        kopf_fails(error)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == said


def test_whoever_wants_to_know_all_gets_kopfs_own_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogFormat.TEXT, verbose=True)
    for _ in range(3):
        kopf_fails(ServerError())
    assert capsys.readouterr().err.count("Request attempt #3 failed") == 3


def test_a_warning_is_said_once_a_minute_whatever_it_affects() -> None:
    now = 0.0
    once = OnceAMinute(lambda: now)

    def passes(level: int, text: str, **extra: str) -> bool:
        record = logging.makeLogRecord({"levelno": level, "msg": text, **extra})
        return bool(once.filter(record))

    assert [passes(logging.WARNING, "one"), passes(logging.ERROR, "other")] == [True, True]
    assert [passes(logging.WARNING, "one"), passes(logging.ERROR, "other")] == [False, False]
    assert [passes(logging.INFO, "news"), passes(logging.INFO, "news")] == [True, True]
    assert [passes(logging.INFO, f"acme/{name}: it is away", cause="it is away") for name in "ab"] == [True, False]
    assert not passes(logging.ERROR, "it is away")
    now = 59.0
    assert not passes(logging.WARNING, "one")
    now = 60.0
    assert passes(logging.WARNING, "one")
    assert passes(logging.WARNING, "it is away")


def test_an_error_with_a_traceback_is_always_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogFormat.TEXT)
    for _ in range(2):
        try:
            raise ServerError
        except ServerError:
            logging.getLogger("scim_operator").exception("it failed")
    assert capsys.readouterr().err.count("it failed") == 2
