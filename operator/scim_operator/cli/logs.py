"""The operator's log lines on standard error: JSON for machines, text for people."""

import json
import logging
import traceback
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import ValidationError


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


def configure_logs(log_format: LogFormat, *, verbose: bool = False) -> None:
    """Set up the root logger. kopf's own lines are kept to warnings: it has one for each event of each object."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if log_format is LogFormat.JSON else _TextFormatter())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    for name in ("kopf", "asyncio", "aiohttp", "kubernetes"):
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.WARNING)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _described(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        line = f"{time} {record.levelname:<7} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f"\n{_described(record.exc_info[1])}"
        return line


def _described(error: BaseException) -> str:
    """The traceback. pydantic's messages quote their input, which may be a digest or a key: they are left out."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, ValidationError):
            frames = "".join(traceback.format_tb(chain.__traceback__))
            return f"{frames}{chain.error_count()} validation errors for {chain.title}"
        chain = chain.__cause__ or chain.__context__
    return "".join(traceback.format_exception(error)).rstrip()
