"""Whether changing one member costs the same whatever the size of the group."""

import orjson

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import patch
from benchmarks.load import Series, encode_request
from benchmarks.measured.one_client import latencies_in_turn

_SECONDS = 0.003
"""What one client may wait; it holds for a machine that does nothing else."""


def member_patches(base_url: str, headers: dict[str, str], group_id: str, user_id: str) -> list[bytes]:
    """Requests that add a user who isn't a member of a group, and remove him again."""
    added = {"op": "add", "path": "members", "value": [{"value": user_id}]}
    removed = {"op": "remove", "path": f'members[value eq "{user_id}"]'}
    return [
        encode_request("PATCH", f"{base_url}/Groups/{group_id}", headers, orjson.dumps(patch(operation)))
        for operation in (added, removed)
    ]


def _run(workshop: Workshop) -> list[Ratio]:
    members = workshop.sizes.members
    installation, ids = workshop.loaded(members + 1)
    url = installation.urls[0]
    series = {}
    for size in (100, members // 10, members):
        with workshop.doing(f"creating a group of {size:,}"):
            group_id = installation.create_group(f"Analysts patched {size}", ids[:size])
        series[f"group of {size:,}"] = Series(
            url, member_patches(url, installation.headers, group_id, ids[-1]), expected=204
        )
    found = latencies_in_turn(workshop, series)
    first, *others = found
    return [
        *(
            Ratio(f"one-member PATCH, p50: {other} ÷ {first}", found[other].p50 / found[first].p50, "≤ 1.3")
            for other in others
        ),
        Ratio(
            f"one-member PATCH, p50: {others[-1]} ÷ {_SECONDS * 1000:g} ms", found[others[-1]].p50 / _SECONDS, "≤ 1"
        ),
    ]


PATCH_MEMBER = Bench(
    "patch_member",
    "p50 of a PATCH of one member, one client: groups of 10,000 and 100,000 ÷ a group of 100",
    _run,
)
