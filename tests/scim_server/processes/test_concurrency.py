"""Many clients at once: two replicas on PostgreSQL, one on SQLite."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of, client_of, roles_of

_CLIENTS = 50


@pytest.fixture
def replicas(tmp_path: Path, database_url: str, connection: Connection) -> Iterator[list[ServerProcess]]:
    count = 1 if database_url.startswith("sqlite") else 2
    servers = [ServerProcess(tmp_path / str(number), database_url, bundle_of(connection)) for number in range(count)]
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.kill()


async def test_fifty_clients_change_one_group(replicas: list[ServerProcess], connection: Connection) -> None:
    """Each adds, removes and adds again a member of its own, and repeats each request as after a time-out."""
    async with client_of(replicas[0].url, connection) as client:
        created = [await client.post("/Users", json={"userName": f"u{i}@acme.com"}) for i in range(_CLIENTS)]
        users = [answer.json()["id"] for answer in created]
        group = (await client.post("/Groups", json={"displayName": "App Admins"})).json()

    async def one_client(number: int) -> None:
        user = users[number]
        add = {"op": "add", "path": "members", "value": [{"value": user}]}
        remove = {"op": "remove", "path": f'members[value eq "{user}"]'}
        # The last step of every other client is a removal.
        steps = [add, remove, add] if number % 2 else [add, remove]
        async with client_of(replicas[number % len(replicas)].url, connection) as client:
            for step in steps:
                both = await asyncio.gather(
                    *(client.patch(f"/Groups/{group['id']}", json={"Operations": [step]}) for _ in range(2))
                )
                assert {answer.status_code for answer in both} == {204}, [answer.text for answer in both]

    await asyncio.gather(*(one_client(number) for number in range(_CLIENTS)))
    for replica in replicas:
        async with client_of(replica.url, connection) as client:
            members = (await client.get(f"/Groups/{group['id']}")).json()["members"]
        assert sorted(member["value"] for member in members) == sorted(users[1::2])
    async with client_of(replicas[-1].url, connection, "read") as reader:
        for number in range(_CLIENTS):
            expected = ["admin", "viewer"] if number % 2 else ["guest", "viewer"]
            assert await roles_of(reader, f"u{number}@acme.com") == expected


async def test_parallel_creation_of_one_user_name_succeeds_once(
    replicas: list[ServerProcess], connection: Connection
) -> None:
    async def create(number: int) -> httpx.Response:
        async with client_of(replicas[number % len(replicas)].url, connection) as client:
            return await client.post("/Users", json={"userName": "same@acme.com"})

    answers = await asyncio.gather(*(create(number) for number in range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [409] * 19
    winner = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert all(winner in answer.json()["detail"] for answer in answers if answer.status_code == 409)


async def test_updates_with_if_match_are_never_lost(replicas: list[ServerProcess], connection: Connection) -> None:
    """Each client appends to the title what nobody may overwrite unseen."""
    async with client_of(replicas[0].url, connection) as client:
        user = (await client.post("/Users", json={"userName": "a@acme.com", "title": "0"})).json()
    path = f"/Users/{user['id']}"

    async def append(number: int) -> None:
        async with client_of(replicas[number % len(replicas)].url, connection) as client:
            while True:
                seen = (await client.get(path)).json()
                headers = {"If-Match": seen["meta"]["version"]}
                title = f"{seen['title']} {number}"
                if number % 3:
                    patch = {"Operations": [{"op": "replace", "path": "title", "value": title}]}
                    answer = await client.patch(path, json=patch, headers=headers)
                else:
                    answer = await client.put(path, json={**seen, "title": title}, headers=headers)
                if answer.status_code == 200:
                    return
                assert answer.status_code == 412, answer.text

    await asyncio.gather(*(append(number) for number in range(1, 13)))
    async with client_of(replicas[0].url, connection) as client:
        title = (await client.get(path)).json()["title"]
    assert sorted(map(int, title.split())) == list(range(13))


async def test_a_user_put_into_groups_and_deleted_at_once(
    replicas: list[ServerProcess], connection: Connection
) -> None:
    """Opposite orders of locks: no deadlock may show as an error of the server."""
    async with client_of(replicas[0].url, connection) as client:
        groups = [(await client.post("/Groups", json={"displayName": f"g{i}"})).json()["id"] for i in range(4)]
        users = [(await client.post("/Users", json={"userName": f"u{i}"})).json()["id"] for i in range(12)]

    async def fill(number: int) -> None:
        order = groups if number % 2 else groups[::-1]
        members = users if number % 2 else users[::-1]
        async with client_of(replicas[number % len(replicas)].url, connection) as client:
            for group in order:
                value = [{"value": user} for user in members]
                operation = {"op": "add", "path": "members", "value": value}
                answer = await client.patch(f"/Groups/{group}", json={"Operations": [operation]})
                assert answer.status_code in (204, 400), answer.text

    async def delete(number: int) -> None:
        async with client_of(replicas[number % len(replicas)].url, connection) as client:
            assert (await client.delete(f"/Users/{users[number]}")).status_code == 204

    await asyncio.gather(*(fill(number) for number in range(8)), *(delete(number) for number in range(6)))
    async with client_of(replicas[0].url, connection) as client:
        for group in groups:
            members = (await client.get(f"/Groups/{group}")).json()["members"]
            assert not {member["value"] for member in members} & set(users[:6])
