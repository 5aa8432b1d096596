"""Connections that creep, swell or only sit there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from scim_server.app import Server
from scim_server.config import BearerCredential, token_digest
from scim_server.http.connections import ConnectionLimits
from tests.scim_server.auth.authenticators import tenant
from tests.scim_server.http.running import TOKEN_KEY, bundle_of_tenants, client, connected, refusals, running

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

TOKEN = "token-of-acme-0123456789"
HEAD = f"GET /acme/okta/scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"


@asynccontextmanager
async def serving(directory: Path, **limits: Any) -> AsyncIterator[Server]:
    okta = tenant("acme/okta", credentials=(BearerCredential(name="token"),))
    bundle = bundle_of_tenants(okta, digests={"acme/okta/token": token_digest(TOKEN.encode(), TOKEN_KEY)})
    async with running(directory, bundle, connections=ConnectionLimits(**limits)) as server:
        yield server


async def test_a_head_that_creeps_is_cut_off(tmp_path: Path) -> None:
    async with serving(tmp_path, head_seconds=0.2) as server, connected(server) as slow:
        await slow.send(HEAD)
        assert await slow.ended()
        assert refusals(server, "slow_head") == 1


async def test_a_connection_without_any_request_is_cut_off(tmp_path: Path) -> None:
    async with serving(tmp_path, head_seconds=0.2) as server, connected(server) as silent:
        assert await silent.ended()


async def test_blank_lines_are_no_request(tmp_path: Path) -> None:
    async with serving(tmp_path, head_seconds=0.3) as server, connected(server) as one:
        await one.send(HEAD + "\r\n")
        assert (await one.answer())[0] == 200
        await one.send("\r\n")
        assert await one.ended()


async def test_the_time_of_a_head_does_not_count_while_a_connection_is_kept(tmp_path: Path) -> None:
    async with serving(tmp_path, head_seconds=0.3) as server, connected(server) as one:
        for _ in range(3):
            await one.send(HEAD + "\r\n")
            assert (await one.answer())[0] == 200
            await asyncio.sleep(0.4)
        assert refusals(server, "slow_head") == 0


async def test_a_head_that_swells_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, head_bytes=10_000) as server, connected(server) as large:
        await large.send(HEAD)
        for number in range(20):
            await large.send(f"X-{number}: {'x' * 1000}\r\n")
        status, body = await large.answer()
        assert (status, body["status"]) == (431, "431")
        assert refusals(server, "large_head") == 1


@pytest.mark.parametrize(
    ("target", "header"),
    [("/" + "x" * 70_000, "short"), ("/", "x" * 70_000)],
    ids=["the target", "a header"],
)
async def test_a_large_head_that_comes_at_once_is_refused(tmp_path: Path, target: str, header: str) -> None:
    async with serving(tmp_path) as server, connected(server) as large:
        await large.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nX-Large: {header}\r\n\r\n")
        status, body = await large.answer()
        assert (status, body["status"]) == (431, "431")
        assert await large.ended()
        assert refusals(server, "large_head") == 1


async def test_a_large_body_is_no_large_head(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        body = f'{{"userName": "ann", "title": "{"x" * 60_000}", "x": "{"x" * 20_000}"}}'
        await one.send(HEAD.replace("GET", "POST") + f"Content-Length: {len(body)}\r\n\r\n{body}")
        assert (await one.answer())[0] == 201


async def test_pipelined_requests_have_each_its_own_head(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        await one.send((HEAD + "\r\n") * 3)
        assert [(await one.answer())[0] for _ in range(3)] == [200] * 3


async def test_trailers_are_no_headers(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        head = HEAD.replace("GET", "POST") + "Transfer-Encoding: chunked\r\n\r\n"
        await one.send(head + 'e\r\n{"userName":""\r\n0\r\nAuthorization: Bearer x\r\nX-Request-Id: trailer\r\n\r\n')
        status, _ = await one.answer()
        assert status == 400
        await one.send(HEAD + "\r\n")
        assert (await one.answer())[0] == 200


async def test_answers_without_a_body_leave_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, client(server, f"Bearer {TOKEN}") as provider:
        listed = await provider.head("/acme/okta/scim/v2/Users")
        assert (listed.status_code, listed.content) == (200, b"")
        created = await provider.post("/acme/okta/scim/v2/Users", json={"userName": "ann"})
        deleted = await provider.delete(f"/acme/okta/scim/v2/Users/{created.json()['id']}")
        assert (deleted.status_code, deleted.content) == (204, b"")


async def test_who_waits_to_send_a_body_is_asked_for_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        body = '{"userName": "ann"}'
        await one.send(HEAD.replace("GET", "POST") + f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n")
        assert await one.may_continue()
        await one.send(body)
        assert (await one.answer())[0] == 201


async def test_what_is_not_http_gets_a_scim_error(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        await one.send("nonsense\r\n\r\n")
        status, body = await one.answer()
        assert (status, body["status"]) == (400, "400")


async def test_idle_connections_make_room(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, most=2) as server,
        connected(server) as oldest,
        connected(server) as younger,
    ):
        for one in (oldest, younger):
            await one.send(HEAD + "\r\n")
            assert (await one.answer())[0] == 200
        async with connected(server) as new:
            await new.send(HEAD + "\r\n")
            assert (await new.answer())[0] == 200
            assert await oldest.ended()
            await younger.send(HEAD + "\r\n")
            assert (await younger.answer())[0] == 200
        assert refusals(server, "connections") == 1


async def test_busy_connections_are_kept_and_new_ones_turned_away(tmp_path: Path) -> None:
    async with serving(tmp_path, most=1) as server, connected(server) as busy:
        await busy.send(HEAD.replace("GET", "POST") + "Content-Length: 16\r\n\r\n{")
        status, body = 0, dict[str, Any]()
        while status != 503:  # until the server has seen the head
            async with connected(server) as new:
                await new.send(HEAD + "\r\n")
                try:
                    status, body = await new.answer()
                except (asyncio.IncompleteReadError, ConnectionResetError):
                    continue
        assert body["status"] == "503"
        await busy.send('"userName":"a"}')
        assert (await busy.answer())[0] == 201
