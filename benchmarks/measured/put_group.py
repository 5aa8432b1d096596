"""Whether a provider that only knows PUT may have large groups, and what they do to the server's memory."""

import statistics
import time

import orjson

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import Installation, group
from benchmarks.load import Load, Series, send


def _run(workshop: Workshop) -> list[Ratio]:
    sizes = workshop.sizes
    installation, ids = workshop.loaded(sizes.members + 1)
    members = ids[: sizes.members]
    changed = [*members[1:], ids[-1]]
    posts: list[float] = []
    puts: list[float] = []
    workshop.say("resident before", _megabytes(installation.peak_memory()))
    for number in range(sizes.rounds):
        name = f"Analysts put {number}"
        with workshop.doing(f"run {number + 1} of {sizes.rounds}: POST"):
            post = installation.request("POST", "/Groups", group(name, members))
            posts.append(_measure(workshop, installation, "POST", post, 201))
        group_id = _id_of(installation, name)
        with workshop.doing(f"run {number + 1} of {sizes.rounds}: PUT"):
            put = installation.request("PUT", f"/Groups/{group_id}", {"id": group_id, **group(name, changed)})
            puts.append(_measure(workshop, installation, "PUT", put, 200))
    _read(workshop, installation, group_id)
    ratio = statistics.median(puts) / statistics.median(posts)
    return [Ratio(f"PUT of a group of {sizes.members:,} with one change ÷ its POST", ratio, "≤ 0.5")]


def _measure(workshop: Workshop, installation: Installation, what: str, request: bytes, expected: int) -> float:
    """Seconds that one request took."""
    installation.forget_peak_memory()
    (measurement,) = send([Series(installation.urls[0], [request], expected)], Load())
    (seconds,) = measurement.latencies
    peak = _megabytes(installation.peak_memory())
    workshop.say(what, f"{seconds:.2f} s for {len(request) / 1e6:.1f} MB   resident at most {peak}")
    return seconds


def _read(workshop: Workshop, installation: Installation, group_id: str) -> None:
    """GET with all members: when the first byte comes, and what it costs."""
    installation.forget_peak_memory()
    began = time.perf_counter()
    first: float | None = None
    size = 0
    with installation.client.stream("GET", f"/Groups/{group_id}") as response:
        for chunk in response.iter_raw():
            first = first or time.perf_counter() - began
            size += len(chunk)
    seconds = time.perf_counter() - began
    workshop.say(
        "GET",
        f"{seconds:.2f} s for {size / 1e6:.1f} MB, first byte after {first or seconds:.3f} s"
        f"   resident at most {_megabytes(installation.peak_memory())}",
    )


def _id_of(installation: Installation, display_name: str) -> str:
    query = {"filter": f'displayName eq "{display_name}"', "excludedAttributes": "members"}
    found = orjson.loads(installation.client.get("/Groups", params=query).raise_for_status().content)
    group_id: str = found["Resources"][0]["id"]
    return group_id


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


PUT_GROUP = Bench(
    "put_group",
    "seconds of PUT of a group of 100,000 with one change ÷ its POST; memory of the server",
    _run,
)
