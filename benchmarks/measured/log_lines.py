"""What the server's log writer brings: the same lines by the standard library's QueueListener, beside it.

Each request logs one line. A request is a fixed piece of work in an event loop; its size is printed.
"""

import asyncio
import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from statistics import median

from benchmarks.bench import Bench, Ratio, Workshop
from scim_server.log_writer import LogWriter
from scim_server.logs import LogFormat, RequestLog, describe, formatter

_TURN_SECONDS = 0.1
_WORK = 5_000
"""Additions in one request: some 200 µs, which is less than any request of the server takes."""
_MOST_LINES = 10_000
_FIELDS = {
    "request_id": "5d0c6c7a-5a9c-4f0c-9b8e-0d6a4f3f9d11",
    "tenant": "customer-acme",
    "connection": "okta",
    "method": "PATCH",
    "route": "/Groups/{id}",
    "status": 204,
    "milliseconds": 1.23,
}

_Log = Callable[[], None]
"""Logs the line of one request."""


def _run(workshop: Workshop) -> list[Ratio]:
    sizes = workshop.sizes
    with (
        workshop.doing(f"measuring, in turns of {_TURN_SECONDS} s: no lines, log writer, queue listener"),
        _pipe_that_is_read() as descriptor,
        _own_writer(descriptor) as own,
        _listener_of_lines(descriptor) as of_lines,
        _listener_of_records(descriptor) as of_records,
    ):
        sides = (lambda: None, own, of_lines, of_records)
        turns = max(3, round(sizes.rounds * sizes.seconds / _TURN_SECONDS / len(sides)))
        found = [[asyncio.run(_turn(side)) for side in sides] for _ in range(turns)]
    work, ours, lines, records = (median(side) for side in zip(*found, strict=True))
    workshop.say("a request without a line", f"{work:.0f} µs of processor time")
    workshop.say("its line: log writer", f"{ours - work:.0f} µs")
    workshop.say("its line: listener of lines", f"{lines - work:.0f} µs")
    workshop.say("its line: listener of records", f"{records - work:.0f} µs")
    what = "processor time of a request with its line"
    return [
        Ratio(f"{what}: QueueListener ÷ log writer", records / ours, "≥ 1.1"),
        Ratio(f"{what}: QueueListener that takes finished lines ÷ log writer", lines / ours),
    ]


async def _turn(log: _Log) -> float:
    """Microseconds of processor time for each request, with what the side's thread takes."""
    ends, started, requests = time.perf_counter() + _TURN_SECONDS, time.process_time(), 0
    while time.perf_counter() < ends:
        done = 0
        while done < _WORK:
            done += 1
        log()
        requests += 1
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)  # the thread writes the last lines
    return (time.process_time() - started) / requests * 1e6


@contextmanager
def _pipe_that_is_read() -> Iterator[int]:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        assert reader.stdin is not None
        yield reader.stdin.fileno()


@contextmanager
def _own_writer(descriptor: int) -> Iterator[_Log]:
    writer = LogWriter(descriptor, lambda dropped: f"dropped: {dropped}\n", _MOST_LINES)
    request_log = RequestLog()
    request_log.configure(writer, LogFormat.JSON)
    yield lambda: request_log.write(_FIELDS)
    writer.close()


class _LineListener(QueueListener):
    """Takes finished lines, made without `logging` as the server's are."""

    def __init__(self, descriptor: int) -> None:
        self._lines: Queue[object] = Queue(_MOST_LINES)
        self._descriptor = descriptor
        super().__init__(self._lines)

    def write(self, line: str) -> None:
        self._lines.put_nowait(line)

    def flush(self) -> None:
        pass

    def handle(self, record: object) -> None:
        os.write(self._descriptor, str(record).encode())


@contextmanager
def _listener_of_lines(descriptor: int) -> Iterator[_Log]:
    listener = _LineListener(descriptor)
    listener.start()
    request_log = RequestLog()
    request_log.configure(listener, LogFormat.JSON)
    yield lambda: request_log.write(_FIELDS)
    listener.stop()


class _DroppingHandler(QueueHandler):
    """Drops records that the queue has no place for. The listener is of this process: they stay as they are."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self.queue.put_nowait(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


@contextmanager
def _listener_of_records(descriptor: int) -> Iterator[_Log]:
    records: Queue[logging.LogRecord] = Queue(_MOST_LINES)
    with ExitStack() as closing:
        stream = closing.enter_context(os.fdopen(descriptor, "w", closefd=False))
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter(LogFormat.JSON, describe))
        listener = QueueListener(records, handler)
        listener.start()
        closing.callback(listener.stop)
        logger = logging.Logger("scim_server.request", logging.INFO)
        logger.addHandler(_DroppingHandler(records))
        yield lambda: logger.info("request", extra={"fields": _FIELDS})


LOG_LINES = Bench(
    "log_lines",
    "processor time of a small request with its log line: the standard library's QueueListener ÷ log writer",
    _run,
)
