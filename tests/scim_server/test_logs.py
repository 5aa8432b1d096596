"""Lines of the log: one each, without what exceptions say."""

import asyncio
import gc
import io
import json
import logging

import pytest

from scim_server.logs import JsonFormatter, TextFormatter


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
async def test_a_forgotten_task_is_logged_without_its_message(formatter: logging.Formatter) -> None:
    async def fail() -> None:
        raise ValueError("Key (user_name_key)=(ada@acme.com) already exists")

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
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
    if isinstance(formatter, JsonFormatter):
        assert json.loads(text)["level"] == "error"
