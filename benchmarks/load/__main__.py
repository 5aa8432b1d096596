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


class Run:
    """When what is counted begins and ends, and whose turn it is."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.failure: str | None = None
        self.ended = asyncio.get_running_loop().create_future()
        self.series: list[SeriesRun] = []

    def start(self) -> None:
        self.counted_from = time.perf_counter() + self.load.warm_up
        self.until = float("inf") if self.load.seconds is None else self.counted_from + self.load.seconds
        self._turns = itertools.cycle(self.series)
        for series in self.series if self.load.turn is None else [next(self._turns)]:
            series.start_turn()

    @property
    def over(self) -> bool:
        return self.failure is not None or time.perf_counter() >= self.until

    def turn_ended(self) -> None:
        """A series has no request under way any more."""
        waiting = [series for series in self.series if not series.exhausted]
        if self.over or not waiting:
            if not any(series.under_way for series in self.series) and not self.ended.done():
                self.ended.set_result(None)
        elif self.load.turn is not None:
            next(series for series in self._turns if series in waiting).start_turn()


class SeriesRun:
    """One list of requests, the connections that share it, and how long the answers took."""

    def __init__(self, run: Run, target: Target) -> None:
        self.run = run
        self.expected = target.expected
        self.connections: list[Connection] = []
        self.under_way = 0
        self.exhausted = False
        self.seconds = 0.0
        self.latencies: list[float] = []
        with Path(target.requests).open("rb") as file:
            requests = list(read_requests(file))
        self._next: Iterator[bytes] = itertools.cycle(requests) if run.load.repeat else iter(requests)

    def start_turn(self) -> None:
        self._turn_began = time.perf_counter()
        self.under_way = len(self.connections)
        for connection in self.connections:
            self.go_on(connection)

    def go_on(self, connection: "Connection") -> None:
        """Send the next request on this connection, or let it rest."""
        request = None if self.run.over else next(self._next, None)
        if request is not None:
            connection.send(request)
            return
        self.exhausted = self.exhausted or not self.run.over
        self.rest()

    def rest(self) -> None:
        self.under_way -= 1
        if self.under_way == 0:
            counted = min(time.perf_counter(), self.run.until) - max(self._turn_began, self.run.counted_from)
            self.seconds += max(counted, 0.0)
            self.run.turn_ended()

    def answered(self, connection: "Connection", sent: float) -> None:
        now = time.perf_counter()
        if sent >= self.run.counted_from and now <= self.run.until:
            self.latencies.append(now - sent)
        turn = self.run.load.turn
        if turn is not None and now - self._turn_began >= turn:
            self.rest()
        else:
            self.go_on(connection)


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, series: SeriesRun) -> None:
        self._series = series
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._status = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, of the same methods

    def send(self, request: bytes) -> None:
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server closed a connection ({exc or 'without an answer'})")

    def on_message_begin(self) -> None:
        self._body.clear()

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if self._status != self._series.expected:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._status == self._series.expected:
            self._series.answered(self, self._sent)
        else:
            text = b"".join(self._body)[:1000].decode(errors="replace")
            self._fail(f"status {self._status}, expected {self._series.expected}: {text}")

    def _fail(self, reason: str) -> None:
        run = self._series.run
        if not run.ended.done():
            run.failure = reason
            run.ended.set_result(None)


async def generate(job: Job) -> Run:
    loop = asyncio.get_running_loop()
    run = Run(job.load)

    def break_off(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not run.ended.done():
            run.ended.set_exception(context.get("exception") or RuntimeError(context["message"]))

    loop.set_exception_handler(break_off)
    for target in job.targets:
        series = SeriesRun(run, target)
        run.series.append(series)
        for _ in range(job.load.connections):
            series.connections.append(await _connect(series, target))
    run.start()
    await run.ended
    return run


async def _connect(series: SeriesRun, target: Target) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(series), target.host, target.port)
    return connection


def main() -> None:
    fields = orjson.loads(sys.stdin.buffer.read())
    job = Job([Target(**target) for target in fields["targets"]], Load(**fields["load"]), fields["found"])
    processor, clock = time.process_time(), time.perf_counter()
    run = uvloop.run(generate(job))
    cores = (time.process_time() - processor) / (time.perf_counter() - clock)
    if run.failure is None and not all(series.latencies for series in run.series):
        run.failure = "no answer in the time that counts"
    if run.failure is not None:
        sys.exit(run.failure)
    found = {
        "series": [{"seconds": series.seconds, "latencies": series.latencies} for series in run.series],
        "cores": cores,
    }
    Path(job.found).write_bytes(orjson.dumps(found))


if __name__ == "__main__":
    main()
