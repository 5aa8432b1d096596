"""What one core serves: processor time of the server for a request of each common kind.

The time that the kernel counts for the process, not a clock's: what else the machine does changes it little. A core
that did nothing but this would serve one million divided by the microseconds; plan with half of it.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import Installation, patch, user
from benchmarks.load import Load, Series, send

_CONNECTIONS = 8
_TICKS = os.sysconf("SC_CLK_TCK")


def _run(workshop: Workshop) -> list[Ratio]:
    installation, ids = workshop.loaded(workshop.sizes.users // 50)
    requests = max(2_000, int(workshop.sizes.seconds * 500))
    new = count(len(ids))
    group = installation.create_group("Analysts of one core", ids[: len(ids) // 2])
    names = [user(number)["userName"] for number in range(requests)]
    kinds: dict[str, tuple[int, Iterable[bytes]]] = {
        "GET of a user": (200, _each(installation, (f"/Users/{ids[n % len(ids)]}" for n in range(requests)))),
        "look-up by userName": (
            200,
            _each(installation, (f'/Users?filter=userName%20eq%20"{name}"'.replace('"', "%22") for name in names)),
        ),
        "POST of a user": (201, (installation.request("POST", "/Users", user(next(new))) for _ in range(requests))),
        "PATCH of one member": (204, _members(installation, group, ids, requests)),
        "page of 100 users": (200, _each(installation, ["/Users?count=100"] * (requests // 10))),
    }
    found = {}
    for kind, (expected, series) in kinds.items():
        with workshop.doing(f"measuring: {kind}"):
            found[kind] = _microseconds(installation, list(series), expected)
        workshop.say(kind, f"{found[kind]:7,.0f} µs of processor time   {1e6 / found[kind]:7,.0f} /s and core")
    return [Ratio("processor time: POST of a user ÷ GET of a user", found["POST of a user"] / found["GET of a user"])]


def _each(installation: Installation, paths: Iterable[str]) -> Iterator[bytes]:
    return (installation.request("GET", path) for path in paths)


def _members(installation: Installation, group: str, ids: list[str], requests: int) -> Iterator[bytes]:
    """Each adds a member who isn't there yet; the second half of the users isn't."""
    outside = ids[len(ids) // 2 :]
    for member in outside[:requests]:
        operation = {"op": "add", "path": "members", "value": [{"value": member}]}
        yield installation.request("PATCH", f"/Groups/{group}", patch(operation))


def _microseconds(installation: Installation, requests: list[bytes], expected: int) -> float:
    (pid,) = installation.pids
    before = _processor_seconds(pid)
    send([Series(installation.urls[0], requests, expected)], Load(connections=_CONNECTIONS))
    return (_processor_seconds(pid) - before) / len(requests) * 1e6


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


ONE_CORE = Bench(
    "one_core", "processor time of the server for a request of each common kind: POST ÷ GET of a user", _run
)
