"""What is compared: the same requests to the tree before, the tree after, and the bare handler, in short turns."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import orjson

from benchmarks.bare_handler import DATABASE_VARIABLE
from benchmarks.compare.trees import Server, Tree
from benchmarks.databases import Database
from benchmarks.installation import SCIM_BODY, group, patch, user
from benchmarks.load import Load, Measurement, Series, encode_request, send
from benchmarks.uvicorn_process import uvicorn_process

BEFORE, AFTER, BARE = "before", "after", "bare handler"
CONNECTIONS = 16
_TURN_SECONDS = 0.5
_MOST_PER_SECOND = 5_000
_LOOK_UPS = 5_000
_PAGE = 100

Round = Mapping[str, Measurement]
"""What one round found, by side."""


@dataclass(frozen=True, slots=True)
class Sizes:
    rounds: int = 6
    seconds: float = 2.5
    """That each side has in a round, about."""
    members: int = 20_000
    """Of the groups; there are some users more."""


QUICK = Sizes(rounds=2, seconds=1.0, members=2_000)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`by_rate`: sides are compared by requests per second at 16 connections, else by the p50 of one client."""

    name: str
    wanted: float
    """The least that `after` may have of the speed of `before`."""
    by_rate: bool
    rounds: Sequence[Round]

    def speed(self, measured: Measurement) -> float:
        return measured.rate if self.by_rate else 1 / measured.p50

    def ratios(self, one: str, other: str) -> list[float]:
        """Speed of one side ÷ the other's, of each round."""
        return [self.speed(found[one]) / self.speed(found[other]) for found in self.rounds]


@dataclass(slots=True)
class Sides:
    """Both trees on databases of equal content, and the bare handler on a third one of the same server."""

    before: Server
    after: Server
    bare_url: str
    groups: tuple[str, str]
    """Ids of a group that is patched and of one that is replaced, the same on both sides."""
    sizes: Sizes

    def each(self, of: Callable[[Server], list[bytes]], expected: int) -> dict[str, Series]:
        """The requests to both trees, and the bare handler's."""
        sides = {
            name: Series(server.url, of(server), expected)
            for name, server in ((BEFORE, self.before), (AFTER, self.after))
        }
        return sides | {BARE: Series(self.bare_url, self._bare_requests(range(_LOOK_UPS)), 201)}

    def _bare_requests(self, numbers: range) -> list[bytes]:
        return [
            encode_request("POST", f"{self.bare_url}/Users", {}, orjson.dumps(user(number))) for number in numbers
        ]

    def creations(self, numbers: range) -> dict[str, Series]:
        def requests(server: Server) -> list[bytes]:
            return [server.request("POST", "/Users", user(number)) for number in numbers]

        return self.each(requests, 201) | {BARE: Series(self.bare_url, self._bare_requests(numbers), 201)}


def compare_all(
    names: Sequence[str], before: Tree, after: Tree, database: Database, sizes: Sizes, directory: Path
) -> Iterator[Comparison]:
    """One after the other, each as soon as it is measured."""
    if "create_users" in names:
        yield _create_users(before, after, database, sizes, directory / "create")
    others = {name: measure for name, measure in _ONE_CLIENT.items() if name in names}
    if others:
        with ExitStack() as closing:
            sides = _loaded(closing, before, after, database, sizes, directory / "loaded")
            for name, (requests, expected) in others.items():
                series = sides.each(lambda server, of=requests: of(server, sides), expected)  # type: ignore[misc]
                load = Load(turn=0, repeat=True, seconds=3 * sizes.seconds, warm_up=sizes.seconds / 2)
                yield Comparison(name, 0.9, False, [_round(number, series, load) for number in range(sizes.rounds)])


def _round(number: int, series: Mapping[str, Series], load: Load) -> Round:
    """Each round begins with another side: none always comes after the bare handler's write."""
    turned = [*series][number % len(series) :] + [*series][: number % len(series)]
    return dict(zip(turned, send([series[name] for name in turned], load), strict=True))


def _create_users(before: Tree, after: Tree, database: Database, sizes: Sizes, directory: Path) -> Comparison:
    """On empty databases, which grow from round to round."""
    load = Load(CONNECTIONS, _TURN_SECONDS, 3 * sizes.seconds, warm_up=sizes.seconds)
    most = int(_MOST_PER_SECOND * 2 * sizes.seconds)
    with ExitStack() as closing:
        directory.mkdir(parents=True)
        sides = Sides(
            closing.enter_context(before.serving(directory / "before", database.create())),
            closing.enter_context(after.serving(directory / "after", database.create())),
            _bare(closing, database, directory),
            ("", ""),
            sizes,
        )
        rounds = [
            _round(number, sides.creations(range(number * most, (number + 1) * most)), load)
            for number in range(sizes.rounds)
        ]
    return Comparison("create_users", 0.8, True, rounds)


def _loaded(
    closing: ExitStack, before: Tree, after: Tree, database: Database, sizes: Sizes, directory: Path
) -> Sides:
    """The tree before fills a database. The tree after gets a copy of it, which its server migrates."""
    directory.mkdir(parents=True)
    url = database.create()
    with before.serving(directory / "filling", url, sizes.members + 2) as filling:
        groups = [_create_group(filling, name, filling.ids[: sizes.members]) for name in ("patched", "replaced")]
    database.settle(url)
    copy = database.copy(url)
    servers = [
        replace(closing.enter_context(tree.serving(directory / name, of)), ids=filling.ids)
        for tree, name, of in ((before, "before", url), (after, "after", copy))
    ]
    for of in (url, copy):
        database.settle(of)
    return Sides(servers[0], servers[1], _bare(closing, database, directory), (groups[0], groups[1]), sizes)


def _bare(closing: ExitStack, database: Database, directory: Path) -> str:
    environment = {DATABASE_VARIABLE: database.create()}
    return closing.enter_context(uvicorn_process("benchmarks.bare_handler:app", directory, environment))


def _create_group(server: Server, name: str, members: list[str]) -> str:
    headers = {**server.headers, **SCIM_BODY}
    body = orjson.dumps(group(f"Analysts {name}", members))
    answer = httpx.post(f"{server.url}/Groups", content=body, headers=headers, timeout=600, trust_env=False)
    group_id: str = answer.raise_for_status().json()["id"]
    return group_id


def _patch_member(server: Server, sides: Sides) -> list[bytes]:
    """A user who isn't a member is added, and removed again."""
    path, member = f"/Groups/{sides.groups[0]}", server.ids[-1]
    added = {"op": "add", "path": "members", "value": [{"value": member}]}
    removed = {"op": "remove", "path": f'members[value eq "{member}"]'}
    return [server.request("PATCH", path, patch(operation)) for operation in (added, removed)]


def _read_group(server: Server, sides: Sides) -> list[bytes]:
    return [server.request("GET", f"/Groups/{sides.groups[0]}?excludedAttributes=members")]


def _find_user(server: Server, sides: Sides) -> list[bytes]:
    """As Okta asks, for users spread over the whole directory."""
    numbers = random.Random(sides.sizes.members).choices(range(sides.sizes.members), k=_LOOK_UPS)
    names = (user(number)["userName"] for number in numbers)
    return [
        server.request("GET", f"/Users?filter=userName%20eq%20%22{name}%22&startIndex=1&count=100") for name in names
    ]


def _walk_users(server: Server, sides: Sides) -> list[bytes]:
    return [
        server.request("GET", f"/Users?startIndex={start}&count={_PAGE}")
        for start in range(1, sides.sizes.members, _PAGE)
    ]


def _put_group(server: Server, sides: Sides) -> list[bytes]:
    """One member comes for another one, and goes again."""
    members, path = server.ids[: sides.sizes.members], f"/Groups/{sides.groups[1]}"
    return [
        server.request("PUT", path, group("Analysts replaced", each))
        for each in ([*members[1:], server.ids[-1]], members)
    ]


_ONE_CLIENT: dict[str, tuple[Callable[[Server, Sides], list[bytes]], int]] = {
    "patch_member": (_patch_member, 204),
    "read_group": (_read_group, 200),
    "find_user": (_find_user, 200),
    "walk_users": (_walk_users, 200),
    "put_group": (_put_group, 200),
}
NAMES = ("create_users", *_ONE_CLIENT)
