"""Whether a provider that walks through all users pays the same for each page."""

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.load import Load, Series, send

_PAGE = 100
_STRETCHES = 10


def _run(workshop: Workshop) -> list[Ratio]:
    users = workshop.sizes.users
    installation, _ = workshop.loaded(users)
    p50: list[float] = []
    length = users // _STRETCHES
    for first in range(1, users + 1, length):
        pages = [
            installation.request("GET", f"/Users?startIndex={start}&count={_PAGE}")
            for start in range(first, min(first + length, users + 1), _PAGE)
        ]
        with workshop.doing(f"users {first:,} and following"):
            (stretch,) = send([Series(installation.urls[0], pages, 200)], Load())
        workshop.say_latency(f"users {first:,} to {min(first + length - 1, users):,}", stretch)
        p50.append(stretch.p50)
    return [Ratio(f"page of {_PAGE} of {users:,} users, p50: last tenth ÷ first tenth", p50[-1] / p50[0], "≤ 1.5")]


WALK_USERS = Bench(
    "walk_users",
    "p50 of a page of 100 when walking 1,000,000 users by startIndex: the last tenth ÷ the first",
    _run,
)
