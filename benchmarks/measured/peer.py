"""The same PATCH of one member on another SCIM server from PyPI, beside ours."""

import httpx
import orjson

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import SCIM_BODY, group, user
from benchmarks.load import Series
from benchmarks.measured.one_client import latencies_in_turn
from benchmarks.measured.patch_member import member_patches
from benchmarks.uvicorn_process import uvicorn_process

_MEMBERS = 10_000


def _run(workshop: Workshop) -> list[Ratio]:
    installation, ids = workshop.loaded(_MEMBERS + 1)
    our_url = installation.urls[0]
    with uvicorn_process("benchmarks.peer_application:app", workshop.directory) as their_url:
        with workshop.doing("creating the group on both"):
            group_id = installation.create_group("Analysts beside the peer", ids[:_MEMBERS])
            ours = member_patches(our_url, installation.headers, group_id, ids[-1])
            theirs = _group_at_peer(their_url)
        found = latencies_in_turn(
            workshop,
            {
                "scim-server": Series(our_url, ours, expected=204),
                "scim2-server, in memory": Series(their_url, theirs, expected=204),
            },
        )
    our_found, their_found = found.values()
    ratio = their_found.p50 / our_found.p50
    return [Ratio(f"one-member PATCH, group of {_MEMBERS:,}, p50: scim2-server ÷ scim-server", ratio, "≥ 100")]


def _group_at_peer(url: str) -> list[bytes]:
    """Create the group there; requests that add a member to it and remove it again."""
    with httpx.Client(base_url=url, headers=SCIM_BODY, timeout=600, trust_env=False) as client:
        member_id = client.post("/Users", content=orjson.dumps(user(0))).raise_for_status().json()["id"]
        others = [f"{number:032x}" for number in range(_MEMBERS)]
        body = orjson.dumps(group("Analysts", others))
        group_id = client.post("/Groups", content=body).raise_for_status().json()["id"]
    return member_patches(url, {}, group_id, member_id)


PEER = Bench(
    "peer",
    "p50 of a PATCH of one member of 10,000 on the PyPI package scim2-server ÷ on scim-server",
    _run,
    ("PostgreSQL",),
)
