"""Lines of the log: one each, without what exceptions say."""

import asyncio
import gc
import io
import json
import logging

import pytest

from scim_server.logs import LogFormat, describe, formatter


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
