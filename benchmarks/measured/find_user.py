"""Whether looking up a user costs the same whatever the size of the directory."""

import random

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import Installation, user
from benchmarks.load import Series
from benchmarks.measured.one_client import latencies_in_turn

_NAMES = 5_000


def _run(workshop: Workshop) -> list[Ratio]:
    series = {}
    for size in (1_000, workshop.sizes.users):
        installation, _ = workshop.loaded(size)
        series[f"{size:,} users"] = Series(installation.urls[0], _look_ups(installation, size), expected=200)
    found = latencies_in_turn(workshop, series)
    small, large = found
    return [Ratio(f"filter=userName eq, p50: {large} ÷ {small}", found[large].p50 / found[small].p50, "≤ 1.3")]


def _look_ups(installation: Installation, users: int) -> list[bytes]:
    """As Okta asks, for users spread over the whole directory."""
    numbers = random.Random(users).choices(range(users), k=_NAMES)
    return [
        installation.request(
            "GET", f"/Users?filter=userName%20eq%20%22{user(number)['userName']}%22&startIndex=1&count=100"
        )
        for number in numbers
    ]


FIND_USER = Bench(
    "find_user",
    "p50 of filter=userName eq, one client: 1,000,000 users ÷ 1,000",
    _run,
)
