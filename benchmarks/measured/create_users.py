"""How near creating users comes to the least that a handler on the same framework and database can do."""

import statistics
from collections.abc import Iterator

import orjson

from benchmarks.bare_handler import DATABASE_VARIABLE
from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import Installation, user
from benchmarks.load import Load, Measurement, Series, encode_request, send
from benchmarks.uvicorn_process import uvicorn_process

_CONNECTIONS = 16
_MOST_PER_SECOND = 5_000
"""So many requests are prepared for each second; a run that uses them up ends early."""


def _run(workshop: Workshop) -> list[Ratio]:
    sizes = workshop.sizes
    load = Load(connections=_CONNECTIONS, seconds=sizes.seconds, warm_up=sizes.seconds / 4)
    in_one_run = int(_MOST_PER_SECOND * sizes.seconds * 1.25)
    ours: list[Measurement] = []
    bare: list[Measurement] = []
    bare_database = {DATABASE_VARIABLE: workshop.database.create()}
    with (
        workshop.installation() as installation,
        uvicorn_process("benchmarks.bare_handler:app", workshop.directory, bare_database) as bare_url,
    ):
        for run in range(sizes.rounds):
            numbers = range(run * in_one_run, (run + 1) * in_one_run)
            with workshop.doing(f"run {run + 1} of {sizes.rounds}: scim-server"):
                ours += send([Series(installation.urls[0], _requests(installation, numbers), 201)], load)
            with workshop.doing(f"run {run + 1} of {sizes.rounds}: bare handler"):
                bare += send([Series(bare_url, _bare_requests(bare_url, numbers), 201)], load)
    workshop.say_rate("scim-server", ours)
    workshop.say_rate("bare handler", bare)
    ratio = statistics.median(run.rate for run in ours) / statistics.median(run.rate for run in bare)
    return [Ratio(f"POST /Users, {_CONNECTIONS} connections: scim-server ÷ bare handler", ratio, "≥ 0.5")]


def _requests(installation: Installation, numbers: range) -> Iterator[bytes]:
    return (installation.request("POST", "/Users", user(number)) for number in numbers)


def _bare_requests(url: str, numbers: range) -> Iterator[bytes]:
    return (encode_request("POST", f"{url}/Users", {}, orjson.dumps(user(number))) for number in numbers)


CREATE_USERS = Bench(
    "create_users",
    "requests/s of POST /Users at 16 connections ÷ a bare FastAPI handler with one INSERT, beside it",
    _run,
)
