"""Clients that ask for much and don't read it: they keep nobody else from the database."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from scim_server.app import Server, ServerSettings
from scim_server.http.protection import RequestLimits
from scim_server.scim.patch import MembersDelta
from scim_server.storage.protocol import Writer
from tests.scim_server.http.running import refusals
from tests.support.serving import Connection, bundle_of, client_of
from tests.support.until import until

_MEMBERS, _GROUPS = 2500, 20
"""About 7 MB of JSON: more than the kernel keeps for a client that doesn't read."""
_SLOW = 20
"""More than there are database connections."""


@asynccontextmanager
async def slow_client(server: Server, connection: Connection) -> AsyncIterator[httpx.AsyncClient]:
    """The kernel takes next to nothing for it that it doesn't read."""
    little = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)]
    async with httpx.AsyncClient(
        base_url=server.url + connection.path,
        headers={"Authorization": f"Bearer {connection.token('provision')}"},
        transport=httpx.AsyncHTTPTransport(socket_options=little),
        timeout=60,
    ) as client:
        yield client


async def fill(server: Server, connection: Connection) -> set[str]:
    """Groups that all have the same members; their ids."""

    async def add_users(writer: Writer) -> list[str]:
        users = [{"userName": f"user{number}", "active": True} for number in range(_MEMBERS)]
        return [(await writer.insert_user(user, True)).id for user in users]

    async def add_groups(writer: Writer) -> set[str]:
        groups = [await writer.insert_group({"displayName": f"group{number}"}, ()) for number in range(_GROUPS)]
        for group in groups:
            await writer.change_members(group, MembersDelta(add=frozenset(members)))
        return {group.record.id for group in groups}

    members = await server.storage.write(connection.key, add_users)
    return await server.storage.write(connection.key, add_groups)


async def test_others_are_answered_while_clients_do_not_read(
    server: Server, connection: Connection, provider: httpx.AsyncClient
) -> None:
    groups = await fill(server, connection)
    async with AsyncExitStack() as stack:
        answers = []
        for _ in range(_SLOW):
            client = await stack.enter_async_context(slow_client(server, connection))
            answers.append(await stack.enter_async_context(client.stream("GET", "/Groups")))
        assert [answer.status_code for answer in answers] == [200] * _SLOW
        await until(lambda: server.storage.usage().in_use == 0, 60)  # while all of them wait for their clients
        assert (await provider.get("/Users", params={"count": 1})).json()["totalResults"] == _MEMBERS
        assert (await provider.post("/Users", json={"userName": "ada"})).status_code == 201
        for answer in answers[:2]:
            listed = json.loads(await answer.aread())["Resources"]
            assert {group["id"] for group in listed} == groups
            assert {len(group["members"]) for group in listed} == {_MEMBERS}


@asynccontextmanager
async def filled(database_url: str, connection: Connection, large_answers: int) -> AsyncIterator[Server]:
    settings = ServerSettings(
        database_url, port=0, management_port=None, limits=RequestLimits(large_answers=large_answers)
    )
    async with Server(settings) as server:
        await server.intake.offer(bundle_of(connection), "test")
        assert await server.applier.wait_applied(1, 10)
        await fill(server, connection)
        yield server


async def test_answers_that_wait_for_their_clients_have_a_bound(database_url: str, connection: Connection) -> None:
    async with (
        filled(database_url, connection, 20 << 20) as server,
        client_of(server.url, connection) as provider,
        slow_client(server, connection) as slow,
    ):
        async with slow.stream("GET", "/Groups") as waiting:
            refused = await provider.get("/Groups")
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
            assert refusals(server, "large_answers") == 1
            assert (await provider.get("/Users", params={"count": 1})).status_code == 200
            whole = await waiting.aread()
            assert len(json.loads(whole)["Resources"]) == _GROUPS
            assert waiting.headers["content-length"] == str(len(whole))

        async def is_answered() -> bool:
            return (await provider.get("/Groups")).status_code == 200

        async with asyncio.timeout(30):
            while not await is_answered():
                pass  # the server hasn't noticed yet that the first answer is sent


async def test_an_answer_that_never_fits_is_too_much(database_url: str, connection: Connection) -> None:
    async with filled(database_url, connection, 4 << 20) as server, client_of(server.url, connection) as provider:
        refused = await provider.get("/Groups")
        assert (refused.status_code, refused.json()["scimType"]) == (400, "tooMany")
        page = await provider.get("/Groups", params={"count": 2})
        assert len(page.json()["Resources"]) == 2
