"""The process itself: a job as JSON on standard input; what was found goes into the file that it names."""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httptools
import orjson
import uvloop

from benchmarks.load.request import read_requests
from benchmarks.load.run import Job, Load, Target


class Finished(Exception):
    """The list is empty, or the time is over."""


class Run:
    """What all connections share."""

    def __init__(self, load: Load) -> None:
        self.failure: str | None = None
        self._load = load

    def start_clock(self) -> None:
        self.counted_from = time.perf_counter() + self._load.warm_up
        self.until = None if self._load.seconds is None else self.counted_from + self._load.seconds
        self.last_answer = self.counted_from

    @property
    def over(self) -> bool:
        return self.failure is not None or (self.until is not None and time.perf_counter() >= self.until)


class SeriesRun:
    """One list of requests, and how long their answers took."""

    def __init__(self, run: Run, target: Target, *, repeat: bool) -> None:
        self.run = run
        self.expected = target.expected
        self.latencies: list[float] = []
        with Path(target.requests).open("rb") as file:
            requests = list(read_requests(file))
        self._next: Iterator[bytes] = itertools.cycle(requests) if repeat else iter(requests)

    def next_request(self) -> bytes:
        if self.run.over:
            raise Finished
        try:
            return next(self._next)
        except StopIteration:
            raise Finished from None

    def answered(self, sent: float) -> None:
        now = time.perf_counter()
        if sent >= self.run.counted_from and (self.run.until is None or now <= self.run.until):
            self.latencies.append(now - sent)
            self.run.last_answer = now


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, series: SeriesRun) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.successor = self
        """The connection that sends after an answer on this one."""
        self._series = series
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._status = 0
        self._sent = 0.0
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, of the same methods

    def send(self) -> None:
        try:
            request = self._series.next_request()
        except Finished:
            self._finish()
        else:
            self._sent = time.perf_counter()
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done:
            self._series.run.failure = f"the server closed a connection ({exc or 'without an answer'})"
            self._finish()
        self.closed.set_result(None)

    def on_message_begin(self) -> None:
        self._body.clear()

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if self._status != self._series.expected:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._status != self._series.expected:
            text = b"".join(self._body)[:1000].decode(errors="replace")
            self._series.run.failure = f"status {self._status}, expected {self._series.expected}: {text}"
        else:
            self._series.answered(self._sent)
        self.successor.send()

    def _finish(self) -> None:
        """Close this connection and, one after the other, those that wait for it."""
        self._done = True
        self._transport.close()
        if not self.successor._done:
            self.successor.send()


async def generate(job: Job) -> tuple[Run, list[SeriesRun]]:
    loop = asyncio.get_running_loop()
    broken: asyncio.Future[None] = loop.create_future()

    def break_off(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not broken.done():
            broken.set_exception(context.get("exception") or RuntimeError(context["message"]))

    loop.set_exception_handler(break_off)
    run = Run(job.load)
    all_series = [SeriesRun(run, target, repeat=job.load.repeat) for target in job.targets]
    connections = [
        await _connect(series, target)
        for series, target in zip(all_series, job.targets, strict=True)
        for _ in range(job.load.connections)
    ]
    if job.load.in_turn:
        for connection, successor in itertools.pairwise([*connections, connections[0]]):
            connection.successor = successor
    run.start_clock()
    for connection in connections[:1] if job.load.in_turn else connections:
        connection.send()
    for connection in connections:
        await asyncio.wait({connection.closed, broken}, return_when=asyncio.FIRST_COMPLETED)
        if broken.done():
            broken.result()
    return run, all_series


async def _connect(series: SeriesRun, target: Target) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(series), target.host, target.port)
    return connection


def main() -> None:
    fields = orjson.loads(sys.stdin.buffer.read())
    job = Job([Target(**target) for target in fields["targets"]], Load(**fields["load"]), fields["found"])
    processor, clock = time.process_time(), time.perf_counter()
    run, all_series = uvloop.run(generate(job))
    cores = (time.process_time() - processor) / (time.perf_counter() - clock)
    if run.failure is None and not all(series.latencies for series in all_series):
        run.failure = "no answer in the time that counts"
    if run.failure is not None:
        sys.exit(run.failure)
    found = {
        "seconds": run.last_answer - run.counted_from,
        "latencies": [series.latencies for series in all_series],
        "cores": cores,
    }
    Path(job.found).write_bytes(orjson.dumps(found))


if __name__ == "__main__":
    main()
