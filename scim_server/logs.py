"""Log lines on standard error: JSON for machines, text for people.

Nothing secret and nothing personal is logged: no bodies, no query strings, no messages of database errors
(they quote values).
"""

import atexit
import io
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

import orjson

from scim_server.log_writer import LogWriter

_REQUEST_LOGGER = "scim_server.request"

Fields = Mapping[str, Any]
"""What a line says beside its message: a record's attribute `fields`."""


class LineStream(Protocol):
    """What lines are written to."""

    def write(self, line: str, /) -> object: ...
    def flush(self) -> None: ...


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
        fields: Fields = getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            fields = {**fields, "exception": self._describe(record.exc_info[1])}
        return _json_line(record.created, record.levelname, record.name, _message(record), fields)


class TextFormatter(logging.Formatter):
    """`time LEVEL logger: message field=value …`, then `describe`'s text of an exception."""

    def __init__(self, describe: Callable[[BaseException], str]) -> None:
        super().__init__()
        self._describe = describe

    def format(self, record: logging.LogRecord) -> str:
        fields: Fields = getattr(record, "fields", {})
        line = _text_line(record.created, record.levelname, record.name, _message(record), fields)
        if record.exc_info and record.exc_info[1] is not None:
            line += f"\n{self._describe(record.exc_info[1])}"
        return line


def _json_line(created: float, level: str, logger: str, message: str, fields: Fields) -> str:
    line = {
        "time": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"),
        "level": level.lower(),
        "logger": logger,
        "message": message,
        **fields,
    }
    return orjson.dumps(line, default=str).decode()


def _text_line(created: float, level: str, logger: str, message: str, fields: Fields) -> str:
    at = datetime.fromtimestamp(created, UTC).strftime("%H:%M:%S.%f")[:-3]
    pairs = "".join(f" {name}={value}" for name, value in fields.items())
    return f"{at} {level:<7} {logger}: {message}{pairs}"


class RequestLog:
    """One line per SCIM request, of level info, like those of the logger `scim_server.request`.

    Written past `logging`, which takes longer for a line than it takes to authenticate a request.
    """

    def __init__(self) -> None:
        self._stream: LineStream | None = None
        self._line = _json_line

    @property
    def is_on(self) -> bool:
        return self._stream is not None

    def configure(self, stream: LineStream | None, log_format: LogFormat) -> None:
        """Off without a stream, and until this is called."""
        self._stream = stream
        self._line = _json_line if log_format is LogFormat.JSON else _text_line

    def write(self, fields: Fields) -> None:
        if self._stream is not None:
            with suppress(OSError, ValueError):  # its reader is gone: no request fails for that
                self._stream.write(self._line(time.time(), "INFO", _REQUEST_LOGGER, "request", fields) + "\n")
                self._stream.flush()


request_log = RequestLog()
"""One for the process, as its loggers are."""


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    # asyncio's further lines show objects with their content, and exceptions with their messages.
    return message.partition("\n")[0] if record.name == "asyncio" else message


def describe(error: BaseException) -> str:
    """Types of an exception and its causes, and lines of code, without messages: those may quote personal data.

    Of an exception group, its first exception.
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
    stream = _standard_error(log_format)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(log_format, describe))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # uvicorn's own lines repeat ours, and its warnings only say that a client sent something other than HTTP.
    logging.getLogger("uvicorn").setLevel(max(logging.ERROR, logging.getLogger().level))
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    request_log.configure(stream if logging.getLogger().isEnabledFor(logging.INFO) else None, log_format)


_writers: list[LogWriter] = []
"""Of this process; none before `configure`."""


def dropped_lines() -> int:
    """How many lines standard error didn't take."""
    return sum(writer.dropped for writer in _writers)


def _standard_error(log_format: LogFormat) -> LineStream:
    try:
        descriptor = sys.stderr.fileno()
    except io.UnsupportedOperation:  # it is in memory, as a test has it
        return sys.stderr
    line = _json_line if log_format is LogFormat.JSON else _text_line

    def note(dropped: int) -> str:
        fields = {"lines": dropped}
        return line(time.time(), "WARNING", __name__, "lines were dropped: standard error wasn't read", fields) + "\n"

    writer = LogWriter(descriptor, note)
    atexit.register(writer.close)
    _writers.append(writer)
    return writer
