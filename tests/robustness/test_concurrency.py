"""Fifty impatient clients at once: whatever was given up and sent again, the end is what the last answers say."""

import asyncio
import random
from collections import Counter

from tests.robustness.impatient_client import ImpatientClient, add_member, remove_member
from tests.robustness.stored_state import read_state
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection

_CLIENTS = 50
_PATIENT = 30.0


def client_of(
    replicas: list[ServerProcess], number: int, connection: Connection, first_patience: float
) -> ImpatientClient:
    """Clients are shared out evenly; each stays with its replica, as a connection through a load balancer does."""
    url = replicas[number % len(replicas)].url
    return ImpatientClient(url, connection, first_patience=first_patience, chance=random.Random(number))


async def created(client: ImpatientClient, count: int) -> list[str]:
    answers = [
        await client.request(
            "POST", "/Users", json={"userName": f"u{n}@acme.com", "emails": [{"value": f"u{n}@acme.com"}]}
        )
        for n in range(count)
    ]
    return [answer.json()["id"] for answer in answers]


async def test_fifty_clients_change_the_members_of_one_group(
    replicas: list[ServerProcess], database_url: str, connection: Connection
) -> None:
    async with client_of(replicas, 0, connection, _PATIENT) as client:
        users = await created(client, _CLIENTS)
        group = (await client.request("POST", "/Groups", json={"displayName": "App Admins"})).json()["id"]
    attempts: Counter[int | str] = Counter()

    async def one_client(number: int) -> None:
        user = users[number]
        steps = [add_member, remove_member, add_member] if number % 2 else [add_member, remove_member]
        async with client_of(replicas, number, connection, 0.004 * (1 + number % 10)) as client:
            for step in steps:
                answer = await client.patch(f"/Groups/{group}", step(user))
                assert answer.status_code == 204, answer.text
            attempts.update(client.attempts)

    await asyncio.gather(*(one_client(number) for number in range(_CLIENTS)))
    assert attempts["given up"] > 0  # else nothing was sent again
    state = await read_state(database_url, connection.key)
    assert state.members_of(group) == set(users[1::2])
    state.assert_whole(connection.tenant())


async def test_one_user_name_is_given_once(
    replicas: list[ServerProcess], database_url: str, connection: Connection
) -> None:
    async def one_client(number: int) -> int:
        async with client_of(replicas, number, connection, _PATIENT) as client:
            answer = await client.request("POST", "/Users", json={"userName": "Same@acme.com"})
            assert answer.status_code == 201 or answer.json()["scimType"] == "uniqueness"
            return answer.status_code

    statuses = Counter(await asyncio.gather(*(one_client(number) for number in range(_CLIENTS))))
    assert statuses == {201: 1, 409: _CLIENTS - 1}
    state = await read_state(database_url, connection.key)
    assert len(state.users) == 1
    state.assert_whole(connection.tenant())


async def test_no_update_made_with_if_match_is_lost(
    replicas: list[ServerProcess], database_url: str, connection: Connection
) -> None:
    """Each client appends its number to what it has read, by PUT or PATCH."""
    async with client_of(replicas, 0, connection, _PATIENT) as client:
        (user,) = await created(client, 1)
    path = f"/Users/{user}"

    async def one_client(number: int) -> None:
        async with client_of(replicas, number, connection, _PATIENT) as client:
            while True:
                seen = (await client.request("GET", path)).json()
                headers = {"If-Match": seen["meta"]["version"]}
                title = f"{seen.get('title', '')} {number}"
                if number % 2:
                    operation = {"op": "replace", "path": "title", "value": title}
                    answer = await client.patch(path, operation, headers=headers)
                else:
                    answer = await client.request("PUT", path, json={**seen, "title": title}, headers=headers)
                if answer.status_code == 200:
                    return
                assert answer.status_code == 412, answer.text

    await asyncio.gather(*(one_client(number) for number in range(16)))
    state = await read_state(database_url, connection.key)
    assert sorted(map(int, state.users[user]["title"].split())) == list(range(16))
    state.assert_whole(connection.tenant())


async def test_opposite_orders_of_everything(
    replicas: list[ServerProcess], database_url: str, connection: Connection
) -> None:
    """Members, names, nesting, blocking and deletion at once, in opposite orders: no deadlock escapes."""
    async with client_of(replicas, 0, connection, _PATIENT) as client:
        users = await created(client, 12)
        groups = [
            (await client.request("POST", "/Groups", json=body)).json()["id"]
            for body in (
                {"displayName": "App Admins"},
                {"displayName": "Analysts", "externalId": "00g-analysts"},
                {"displayName": "Others"},
                {"displayName": "More"},
            )
        ]
    gone = users[:4]

    async def one_client(number: int) -> None:
        chance = random.Random(number)
        mine, theirs = (groups, users) if number % 2 else (groups[::-1], users[::-1])
        async with client_of(replicas, number, connection, _PATIENT) as client:
            for group in mine:
                everybody = {"op": "add", "path": "members", "value": [{"value": user} for user in theirs]}
                for operation in (everybody, remove_member(chance.choice(users))):
                    answer = await client.patch(f"/Groups/{group}", operation)
                    assert answer.status_code in (204, 400), answer.text  # 400: a member was deleted meanwhile
                await client.patch(
                    f"/Users/{chance.choice(users)}",
                    {"op": "replace", "path": "active", "value": chance.random() < 0.7},
                )
            if number < len(gone):
                headers = {"If-Match": "*"} if number % 2 else {}
                answer = await client.request("DELETE", f"/Users/{gone[number]}", headers=headers)
                assert answer.status_code == 204
            if number == 5:
                await client.patch(f"/Groups/{groups[0]}", add_member(groups[2]))
                await client.patch(f"/Groups/{groups[2]}", {"op": "replace", "value": {"displayName": "Another"}})
                await client.patch(f"/Groups/{groups[0]}", {"op": "replace", "value": {"displayName": "Plain"}})
                await client.patch(f"/Groups/{groups[3]}", {"op": "replace", "value": {"displayName": "App Admins"}})

    await asyncio.gather(*(one_client(number) for number in range(10)))
    state = await read_state(database_url, connection.key)
    assert state.users.keys() == set(users) - set(gone)
    assert {group["displayName"] for group in state.groups.values()} == {"Plain", "Analysts", "Another", "App Admins"}
    state.assert_whole(connection.tenant())
