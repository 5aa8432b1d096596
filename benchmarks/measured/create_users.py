"""How near creating users comes to the least that a handler on the same framework and database can do."""

from collections.abc import Iterator

import orjson

from benchmarks.bare_handler import DATABASE_VARIABLE
from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import Installation, user
from benchmarks.load import Load, Series, encode_request, send
from benchmarks.uvicorn_process import uvicorn_process

_CONNECTIONS = 16
_TURN_SECONDS = 0.5
_MOST_PER_SECOND = 5_000
"""So many requests are prepared for each second; a run that uses them up ends early."""


def _run(workshop: Workshop) -> list[Ratio]:
    sizes = workshop.sizes
    seconds = 2 * sizes.rounds * sizes.seconds
    load = Load(connections=_CONNECTIONS, turn=_TURN_SECONDS, seconds=seconds, warm_up=seconds / 4)
    numbers = range(int(_MOST_PER_SECOND * seconds * 0.75))
    bare_database = {DATABASE_VARIABLE: workshop.database.create()}
    with (
        workshop.installation() as installation,
        uvicorn_process("benchmarks.bare_handler:app", workshop.directory, bare_database) as bare_url,
        workshop.doing(f"measuring, in turns of {_TURN_SECONDS} s: scim-server, bare handler"),
    ):
        ours, bare = send(
            [
                Series(installation.urls[0], _requests(installation, numbers), 201),
                Series(bare_url, _bare_requests(bare_url, numbers), 201),
            ],
            load,
        )
    workshop.say_rate("scim-server", ours)
    workshop.say_rate("bare handler", bare)
    return [
        Ratio(f"POST /Users, {_CONNECTIONS} connections: scim-server ÷ bare handler", ours.rate / bare.rate, "≥ 0.5")
    ]


def _requests(installation: Installation, numbers: range) -> Iterator[bytes]:
    return (installation.request("POST", "/Users", user(number)) for number in numbers)


def _bare_requests(url: str, numbers: range) -> Iterator[bytes]:
    return (encode_request("POST", f"{url}/Users", {}, orjson.dumps(user(number))) for number in numbers)


CREATE_USERS = Bench(
    "create_users",
    "requests/s of POST /Users at 16 connections ÷ a bare FastAPI handler with one INSERT, beside it",
    _run,
)
