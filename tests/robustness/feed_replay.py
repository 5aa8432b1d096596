"""The feed beside what a read shows, with writers on two replicas that are killed. Short in tests/, long in soak/."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx

from tests.robustness.feed_follower import FeedFollower, User, read_users
from tests.robustness.impatient_client import ImpatientClient
from tests.robustness.load import Writers
from tests.support.mounts import mount_pair
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_WRITERS = 16
_DELAY_SECONDS = 1


async def replay(directory: Path, url: str, *, kills: int, between: range) -> FeedFollower:
    """Kills a replica `kills` times, with `between` writes in between, and changes the roles of all users each time.

    Deactivations and deletions beyond the limit are held meanwhile. Returns who followed the feed. What the follower
    was told, what a replay from the beginning tells, and what a read shows are the same.
    """
    chance = random.Random(5)
    connection = Connection(delay_seconds=_DELAY_SECONDS)
    async with AsyncExitStack() as stack:
        servers = [ServerProcess(directory / str(number), url, bundle_of(connection)) for number in range(2)]
        for server in servers:
            server.launch()
            stack.callback(server.kill)
        for server in servers:
            await asyncio.to_thread(server.wait_until_ready)
        urls = [server.url for server in servers]

        follower = FeedFollower(urls, connection, limit=50)
        stack.push_async_callback(follower.close)
        following = asyncio.create_task(follower.follow())
        stack.callback(following.cancel)

        clients = [
            await stack.enter_async_context(
                ImpatientClient(urls[number % 2], connection, first_patience=10, chance=random.Random(number))
            )
            for number in range(_WRITERS)
        ]
        group = (await clients[0].request("POST", "/Groups", json={"displayName": "App Admins"})).json()["id"]
        writers = Writers(clients, group)
        writers.start()
        stack.callback(writers.cancel)
        for number in range(kills):
            await writers.written(chance.choice(between))
            killed = servers[number % 2]
            killed.kill()
            changed = replace(connection, base_roles=("viewer", "analyst") if number % 2 == 0 else ("viewer",))
            for server in servers:
                mount_pair(server.config_dir, bundle_of(changed, revision=number + 2))
            await writers.written(10)
            await asyncio.to_thread(killed.start)
        await writers.written(between[0])
        await writers.stop()

        await _come_to_rest(servers, connection, revision=kills + 1)
        shown = await read_users(urls[0], connection)
        again = FeedFollower(urls, connection, limit=1000)
        stack.push_async_callback(again.close)
        await again.catch_up()
        following.cancel()
        await asyncio.wait({following})
        await follower.catch_up()
        _assert_same(again.users, shown)
        _assert_same(follower.users, shown)
        assert again.types == follower.types
        assert writers.acknowledged.users - writers.acknowledged.deleted <= shown.keys()
    return follower


async def _come_to_rest(servers: list[ServerProcess], connection: Connection, revision: int) -> None:
    """Until all users have the roles of the last rules, and nobody is to be deactivated any more."""
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False, timeout=30) as client:
        for server in servers:
            headers = {"Authorization": f"Bearer {server.token_file.read_text()}"}
            while True:
                status = (await client.get(f"{server.management_url}/v1/status", headers=headers)).json()
                if status["appliedRevision"] >= revision:
                    break
                await asyncio.sleep(0.1)
        while any(  # noqa: ASYNC110 - it is in another process
            state == "blocked" for _, state, *_ in (await read_users(servers[0].url, connection)).values()
        ):
            await asyncio.sleep(0.2)


def _assert_same(told: Mapping[str, User], shown: Mapping[str, User]) -> None:
    unlike = [key for key in told.keys() | shown.keys() if told.get(key) != shown.get(key)]
    assert not unlike, f"{len(unlike)} users; told {told.get(unlike[0])}, shown {shown.get(unlike[0])}"
