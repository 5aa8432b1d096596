"""What a second replica gives, on this machine: all of it shares the processors."""

import os
import random
import statistics

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import Installation, patch
from benchmarks.load import Load, Series, send
from benchmarks.loading import load_users

_CONNECTIONS = 16
_USERS = 10_000


def _run(workshop: Workshop) -> list[Ratio]:
    workshop.say("processors", str(os.cpu_count()))
    ratios = []
    with workshop.installation(servers=2) as installation:
        with workshop.doing(f"loading {_USERS:,} users"):
            ids = load_users(installation.database_url, _USERS, lambda _: None)
            workshop.database.settle(installation.database_url)
        for what in ("read", "write"):
            rates: dict[int, list[float]] = {1: [], 2: []}
            for _ in range(workshop.sizes.rounds):
                for servers in rates:
                    with workshop.doing(f"{what}s, servers: {servers}"):
                        rates[servers].append(_rate(workshop, installation, ids, what, servers))
            for servers, found in rates.items():
                each = " ".join(f"{rate:,.0f}" for rate in found)
                workshop.say(f"{what}s, servers: {servers}", f"{statistics.median(found):8,.0f} /s   runs: {each}")
            ratio = statistics.median(rates[2]) / statistics.median(rates[1])
            ratios.append(Ratio(f"{what}s of different users: two servers ÷ one", ratio))
    return ratios


def _rate(workshop: Workshop, installation: Installation, ids: list[str], what: str, servers: int) -> float:
    """Requests per second of all servers together; each has its share of the connections and of the users."""
    sizes = workshop.sizes
    share = len(ids) // servers
    series = [
        Series(
            installation.urls[server],
            [_request(installation, what, user_id, server) for user_id in ids[server * share : (server + 1) * share]],
            expected=200,
        )
        for server in range(servers)
    ]
    load = Load(
        connections=_CONNECTIONS // servers, seconds=sizes.seconds / 2, warm_up=sizes.seconds / 4, repeat=True
    )
    return sum(measurement.rate for measurement in send(series, load))


def _request(installation: Installation, what: str, user_id: str, server: int) -> bytes:
    path = f"/Users/{user_id}"
    if what == "read":
        return installation.request("GET", path, server=server)
    changed = {"op": "replace", "path": "title", "value": f"Title {random.random()}"}
    return installation.request("PATCH", path, patch(changed), server=server)


TWO_SERVERS = Bench(
    "two_servers",
    "requests/s of two server processes ÷ one, at 16 connections: reads, and writes of different users",
    _run,
    ("PostgreSQL",),
)
