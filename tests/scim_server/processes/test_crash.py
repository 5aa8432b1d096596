"""`kill -9` under writes: whatever was answered 2xx is there afterwards, and nothing is half applied."""

import asyncio
import random
from pathlib import Path

import httpx
import pytest

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of, client_of, roles_of

_WRITERS = 8
_ROUNDS = 2


@pytest.fixture
def process(tmp_path: Path, database_url: str, connection: Connection) -> ServerProcess:
    return ServerProcess(tmp_path, database_url, bundle_of(connection))


class Writer:
    """Creates users and puts each into one group; keeps what was acknowledged."""

    def __init__(self, number: int, client: httpx.AsyncClient, group_id: str) -> None:
        self._number = number
        self._client = client
        self._group_id = group_id
        self.created: dict[str, str] = {}
        self.joined: set[str] = set()
        self.attempted = 0

    async def write_until_the_end(self) -> None:
        while True:
            name = f"writer{self._number}-{self.attempted}@acme.com"
            self.attempted += 1
            try:
                answer = await self._client.post("/Users", json={"userName": name, "title": name})
                if answer.status_code != 201:
                    return
                user_id = answer.json()["id"]
                self.created[name] = user_id
                add = {"op": "add", "path": "members", "value": [{"value": user_id}]}
                patched = await self._client.patch(f"/Groups/{self._group_id}", json={"Operations": [add]})
                if patched.status_code == 204:
                    self.joined.add(user_id)
            except httpx.TransportError:
                return


async def test_every_acknowledged_write_survives(process: ServerProcess, connection: Connection) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    process.start()
    try:
        async with client_of(process.url, connection) as client:
            answer = await client.post("/Groups", json={"displayName": "App Admins"})
            group_id = answer.json()["id"]
        created: dict[str, str] = {}
        joined: set[str] = set()
        for round_ in range(_ROUNDS):
            async with client_of(process.url, connection) as client:
                writers = [Writer(round_ * _WRITERS + number, client, group_id) for number in range(_WRITERS)]
                tasks = [asyncio.create_task(writer.write_until_the_end()) for writer in writers]
                await asyncio.sleep(chance.uniform(0.3, 1.5))  # the moment is the point
                await asyncio.to_thread(process.kill)
                await asyncio.gather(*tasks)
            for writer in writers:
                created |= writer.created
                joined |= writer.joined
            await asyncio.to_thread(process.start)
        async with client_of(process.url, connection) as client:
            found = await _all_users(client)
            assert created.items() <= found.items()
            members = {member["value"] for member in (await client.get(f"/Groups/{group_id}")).json()["members"]}
            assert joined <= members <= set(found.values())
        async with client_of(process.url, connection, "read") as reader:
            for name, user_id in created.items():
                expected = ["admin", "viewer"] if user_id in members else ["guest", "viewer"]
                assert await roles_of(reader, name) == expected
    finally:
        await asyncio.to_thread(process.kill)


async def _all_users(client: httpx.AsyncClient) -> dict[str, str]:
    found: dict[str, str] = {}
    while True:
        page = (await client.get("/Users", params={"startIndex": len(found) + 1, "count": 500})).json()
        found |= {user["userName"]: user["id"] for user in page["Resources"]}
        assert all(user["title"] == user["userName"] for user in page["Resources"])
        if not page["Resources"]:
            assert len(found) == page["totalResults"]
            return found
