"""Log lines on standard error: JSON for machines, text for people.

Nothing secret and nothing personal is logged: no bodies, no query strings, no messages of database errors
(they quote values).
"""

import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

REQUEST_LOGGER = "scim_server.request"
"""One record per SCIM request; its fields are in the record's attribute `fields`."""


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `time`, `level`, `logger`, `message`, then the record's own fields.

    `describe` writes an exception as text.
    """

    def __init__(self, describe: Callable[[BaseException], str]) -> None:
        super().__init__()
        self._describe = describe

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = self._describe(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    """`time LEVEL logger: message field=value …`, then `describe`'s text of an exception."""

    def __init__(self, describe: Callable[[BaseException], str]) -> None:
        super().__init__()
        self._describe = describe

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f" {name}={value}" for name, value in getattr(record, "fields", {}).items())
        line = f"{time} {record.levelname:<7} {record.name}: {_message(record)}{fields}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f"\n{self._describe(record.exc_info[1])}"
        return line


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    # Its further lines show objects with all that is in them, exceptions with their messages among them.
    return message.partition("\n")[0] if record.name == "asyncio" else message


def describe(error: BaseException) -> str:
    """Types and places of an exception and of what caused it, without messages: those may quote personal data.

    Of a group the first one.
    """
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 5:
        places = " < ".join(
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
            for frame in reversed(traceback.extract_tb(seen.__traceback__, limit=-8))
        )
        chain.append(f"{type(seen).__module__}.{type(seen).__qualname__} at {places or '?'}")
        seen = seen.exceptions[0] if isinstance(seen, BaseExceptionGroup) else seen.__cause__ or seen.__context__
    return " | from ".join(chain)


def formatter(log_format: LogFormat, describe: Callable[[BaseException], str]) -> logging.Formatter:
    return JsonFormatter(describe) if log_format is LogFormat.JSON else TextFormatter(describe)


def configure(log_format: LogFormat, level: str) -> None:
    """Send every logger of the process to standard error."""
    # No line shows where it comes from, or from which thread; finding that out would cost more than the line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(log_format, describe))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # uvicorn's own lines repeat ours, and its warnings only tell that somebody sent what isn't HTTP.
    logging.getLogger("uvicorn").setLevel(max(logging.ERROR, logging.getLogger().level))
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
