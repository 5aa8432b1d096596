"""Whether a group without its members costs the same whatever its size."""

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.load import Series
from benchmarks.measured.one_client import latencies_in_turn


def _run(workshop: Workshop) -> list[Ratio]:
    members = workshop.sizes.members
    installation, ids = workshop.loaded(members + 1)
    series = {}
    for size in (100, members):
        with workshop.doing(f"creating a group of {size:,}"):
            group_id = installation.create_group(f"Analysts read {size}", ids[:size])
        request = installation.request("GET", f"/Groups/{group_id}?excludedAttributes=members")
        series[f"group of {size:,}"] = Series(installation.urls[0], [request], expected=200)
    found = latencies_in_turn(workshop, series)
    small, large = found
    ratio = found[large].p50 / found[small].p50
    return [Ratio(f"GET of a group without members, p50: {large} ÷ {small}", ratio, "≤ 1.3")]


READ_GROUP = Bench(
    "read_group",
    "p50 of GET /Groups/{id}?excludedAttributes=members, one client: a group of 100,000 ÷ a group of 100",
    _run,
)
