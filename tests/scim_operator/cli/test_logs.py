"""The operator's log lines: tracebacks, but nothing that validation was given."""

import json
import logging
from collections.abc import Iterator

import pytest

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
