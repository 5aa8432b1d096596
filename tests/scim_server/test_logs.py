"""Lines of the log: one each, without what exceptions say."""

import asyncio
import gc
import io
import json
import logging
import re

import pytest

from scim_server.logs import LogFormat, RequestLog, describe, formatter


@pytest.mark.parametrize("log_format", LogFormat)
async def test_a_forgotten_task_is_logged_without_its_message(log_format: LogFormat) -> None:
    async def fail() -> None:
        raise ValueError("Key (user_name_key)=(ada@acme.com) already exists")

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(log_format, describe))
    logger = logging.getLogger("asyncio")
    logger.addHandler(handler)
    try:
        task = asyncio.create_task(fail())
        await asyncio.wait({task})
        del task
        gc.collect()
    finally:
        logger.removeHandler(handler)
    text = stream.getvalue()
    assert "Task exception was never retrieved" in text
    assert "ValueError at test_logs.py" in text
    assert "ada@" not in text
    if log_format is LogFormat.JSON:
        assert json.loads(text)["level"] == "error"


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_request_has_the_line_that_a_logger_would_write(log_format: LogFormat) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(log_format, describe))
    logger = logging.Logger("scim_server.request")
    logger.addHandler(handler)
    request_log = RequestLog()
    request_log.configure(stream, log_format)
    request_log.write({"method": "GET", "status": 200})
    logger.info("request", extra={"fields": {"method": "GET", "status": 200}})
    ours, theirs = (re.sub(r"[0-9T:.+-]{12,}", "TIME", line) for line in stream.getvalue().splitlines())
    assert ours == theirs
    assert "TIME" in ours


def test_a_log_is_off_until_it_is_configured() -> None:
    request_log = RequestLog()
    assert not request_log.is_on
    request_log.write({"status": 200})


def test_a_log_that_nobody_reads_any_more_is_no_failure() -> None:
    stream = io.StringIO()
    request_log = RequestLog()
    request_log.configure(stream, LogFormat.JSON)
    stream.close()
    request_log.write({"status": 200})
