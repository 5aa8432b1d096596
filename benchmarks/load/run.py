"""Starts the generator and reads what it found."""

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from benchmarks.load.measurement import Measurement
from benchmarks.load.request import write_requests


class UnexpectedAnswerError(Exception):
    """An answer had a status that the benchmark doesn't expect; the message shows the beginning of it."""


@dataclass(frozen=True, slots=True)
class Series:
    """Requests to the host and port of `url`, whose answers all have the status `expected`."""

    url: str
    requests: Iterable[bytes]
    expected: int


@dataclass(frozen=True, slots=True)
class Load:
    """How requests are sent: each connection sends its next one when the last byte of the answer is there."""

    connections: int = 1
    """To each series; they share its list, of which each takes the next request that none has sent."""
    turn: float | None = None
    """The series take turns of this many seconds (0: of one request on each connection), so that what else the
    machine does disturbs all of them alike. None: they run side by side.
    """
    seconds: float | None = None
    """How long is measured, all series together; None: until each request was sent once."""
    warm_up: float = 0.0
    """Seconds before that, whose answers don't count."""
    repeat: bool = False
    """Start again with the first request after the last one, instead of ending."""


@dataclass(frozen=True, slots=True)
class Target:
    """A series as the generator gets it; `requests` is the path of their file."""

    host: str
    port: int
    requests: str
    expected: int


@dataclass(frozen=True, slots=True)
class Job:
    """What the generator reads from its standard input; `found` is the path of the file that it writes."""

    targets: Sequence[Target]
    load: Load
    found: str


def send(series: Sequence[Series], load: Load) -> list[Measurement]:
    """Send the requests from a process of its own, and wait for its end. What was found for each series.

    Raises UnexpectedAnswerError.
    """
    with tempfile.TemporaryDirectory() as directory:
        targets = [_target(one, Path(directory) / str(number)) for number, one in enumerate(series)]
        job = Job(targets, load, f"{directory}/found")
        generator = subprocess.run(
            [sys.executable, "-m", "benchmarks.load"],
            input=orjson.dumps(asdict(job)),
            stderr=subprocess.PIPE,
            check=False,
        )
        if generator.returncode != 0:
            raise UnexpectedAnswerError(generator.stderr.decode(errors="replace").strip()[-2000:])
        found = orjson.loads(Path(job.found).read_bytes())
    return [Measurement(one["seconds"], tuple(one["latencies"]), found["cores"]) for one in found["series"]]


def _target(series: Series, path: Path) -> Target:
    parts = urlsplit(series.url)
    with path.open("wb") as file:
        write_requests(file, series.requests)
    return Target(parts.hostname or "", parts.port or 80, str(path), series.expected)
