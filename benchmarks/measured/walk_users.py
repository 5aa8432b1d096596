"""Whether a provider that walks through all users pays the same for each page."""

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.load import Series
from benchmarks.measured.one_client import latencies_in_turn

_PAGE = 100
_PARTS = 10


def _run(workshop: Workshop) -> list[Ratio]:
    """Two walks in turn, one through the first tenth of the list and one through the last."""
    users = workshop.sizes.users
    installation, _ = workshop.loaded(users)
    length = users // _PARTS

    def walk(first: int) -> Series:
        pages = [
            installation.request("GET", f"/Users?startIndex={start}&count={_PAGE}")
            for start in range(first, first + length, _PAGE)
        ]
        return Series(installation.urls[0], pages, expected=200)

    found = latencies_in_turn(workshop, {"the first tenth": walk(1), "the last tenth": walk(users - length + 1)})
    first, last = (found[part].p50 for part in found)
    return [Ratio(f"page of {_PAGE} of {users:,} users, p50: last tenth ÷ first tenth", last / first, "≤ 1.5")]


WALK_USERS = Bench(
    "walk_users",
    "p50 of a page of 100 when walking 1,000,000 users by startIndex: the last tenth ÷ the first",
    _run,
)
