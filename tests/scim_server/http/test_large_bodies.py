"""Large bodies: few at a time, beside the others, and only so many of them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from scim_server.app import Server
from scim_server.directory.request_bodies import parse_user
from scim_server.http.bodies import LARGE, MOST_VALUES
from scim_server.http.deadlines import TimeLimits
from tests.scim_server.http.running import connected, refusals
from tests.scim_server.http.test_errors import assert_scim_error
from tests.scim_server.http.test_protection import TENANTS, head, limited, provider
from tests.support.storages import writing

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def serving(directory: Path, **limits: Any) -> AsyncIterator[Server]:
    async with limited(directory, body_limit=32 << 20, **limits) as server:
        yield server


def user(name: str, size: int) -> bytes:
    """A body of exactly so many bytes."""
    start = f'{{"userName":"{name}","unknown":"'.encode()
    return start + b"x" * (size - len(start) - 2) + b'"}'


async def test_bodies_of_all_sizes_are_read_alike(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, provider(server) as one:
        for size in (LARGE - 1, LARGE, LARGE + 1, 5 * LARGE):
            answer = await one.post("/Users", content=user(f"u{size}", size), headers=JSON)
            assert answer.status_code == 201
            assert_scim_error(
                await one.post("/Users", content=user(f"U{size}", size), headers=JSON), 409, "uniqueness"
            )
            assert_scim_error(
                await one.post("/Users", content=user("x", size)[:-1], headers=JSON), 400, "invalidSyntax"
            )
            with_mark = b"\xef\xbb\xbf" + user(f"m{size}", size)
            assert (await one.post("/Users", content=with_mark, headers=JSON)).status_code == 201
        group = (await one.post("/Groups", json={"displayName": "Staff"})).json()
        ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(10_000)]
        body = orjson.dumps({"displayName": "Staff", "members": [{"value": each} for each in ids]})
        assert len(body) > LARGE
        answer = await one.put(f"/Groups/{group['id']}", content=body, headers=JSON)
        assert_scim_error(answer, 400, "invalidValue")
        assert "no user or group has the id 00000000" in answer.json()["detail"]


async def test_a_body_in_pieces_without_a_length(tmp_path: Path) -> None:
    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    async with serving(tmp_path, large_bodies=8 * LARGE) as server, provider(server) as one:
        for number in range(3):  # the room is given back
            answer = await one.post("/Users", content=pieces(user(f"u{number}", 3 * LARGE)), headers=JSON)
            assert answer.status_code == 201
        refused = await one.post("/Users", content=pieces(user("x", 5 * LARGE)), headers=JSON)
        assert_scim_error(refused, 503)
        assert (await one.get("/Users")).json()["totalResults"] == 3


async def test_a_body_of_very_many_values(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, provider(server) as one:
        body = b'{"userName":"a","unknown":[' + b"[]," * (MOST_VALUES // 2) + b"[]]}"
        answer = await one.post("/Users", content=body, headers=JSON)
        assert_scim_error(answer, 413)
        assert str(MOST_VALUES) in answer.json()["detail"]


async def test_small_bodies_with_many_paths_are_read_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def parse(*arguments: Any) -> Any:
        seen.append(threading.current_thread() is threading.main_thread())
        return parse_user(*arguments)

    monkeypatch.setattr("scim_server.http.routes.users.parse_user", parse)
    async with serving(tmp_path) as server, provider(server) as one:
        for number in (1, 300):
            paths = {f'emails[type eq "{each}"].value': f"{each}@acme.com" for each in range(number)}
            body = orjson.dumps({"userName": f"u{number}", **paths})
            assert len(body) < LARGE
            answer = await one.post("/Users", content=body, headers=JSON)
            assert (answer.status_code, len(answer.json()["emails"])) == (201, number)
    assert seen == [True, False]


async def test_beyond_its_share_a_tenant_is_told_to_try_again(tmp_path: Path) -> None:
    """What is declared counts before it is there, so that who is refused has not sent all of it in vain."""
    async with (
        serving(tmp_path, large_bodies=8 * LARGE) as server,
        AsyncExitStack() as open_connections,
        provider(server) as one,
        provider(server, TENANTS[1]) as other,
    ):
        slow = [await open_connections.enter_async_context(connected(server)) for _ in range(2)]
        bodies = [user(f"slow{number}", 2 * LARGE).decode() for number in range(2)]
        for connection, body in zip(slow, bodies, strict=True):
            await connection.send(head("POST", len(body), "Expect: 100-continue"))
            assert await connection.may_continue()
            await connection.send(body[:-9])
        answer = await one.post("/Users", content=user("refused", 2 * LARGE), headers=JSON)
        assert_scim_error(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
        assert refusals(server, "large_bodies") == 1
        assert (await one.post("/Users", json={"userName": "small"})).status_code == 201
        assert (await other.post("/Users", content=user("a", 2 * LARGE), headers=JSON)).status_code == 201
        for connection, body in zip(slow, bodies, strict=True):
            await connection.send(body[-9:])
            assert (await connection.answer())[0] == 201
        assert (await one.post("/Users", content=user("a", 2 * LARGE), headers=JSON)).status_code == 201


@pytest.mark.parametrize("gives_up", [False, True])
async def test_small_requests_never_wait_for_large_ones(tmp_path: Path, gives_up: bool) -> None:
    """Whatever is small goes on while large ones are under way, and others of them wait. Too long a wait ends."""
    times = TimeLimits(work=2.0) if gives_up else TimeLimits()
    async with (
        serving(tmp_path, times=times, large_bodies=1 << 30) as server,
        provider(server) as one,
        provider(server, TENANTS[1]) as other,
        AsyncExitStack() as holding,
    ):
        for each in (one, other):
            assert (await each.get("/Users")).status_code == 200
        end = await holding.enter_async_context(writing(server.storage, "acme/one"))
        large = [
            asyncio.create_task(one.post("/Users", content=user(f"u{number}", 15 << 20), headers=JSON))
            for number in range(4)
        ]
        for _ in range(5):
            assert (await other.get("/Users")).status_code == 200
            assert (await one.get("/Users")).status_code == 200
        if gives_up:
            for answer in await asyncio.gather(*large):
                assert_scim_error(answer, 503)
            await end()
        else:
            await end()
            assert {answer.status_code for answer in await asyncio.gather(*large)} == {201}
        again = await one.post("/Users", content=user("again", 15 << 20), headers=JSON)
        assert again.status_code == 201
