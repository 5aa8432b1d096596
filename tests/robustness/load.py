"""Writers that go on until they are told to stop, and remember what was acknowledged."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from tests.robustness.impatient_client import ImpatientClient, add_member, remove_member
from tests.robustness.stored_state import StoredState


@dataclass
class Acknowledged:
    """What was answered 2xx, by each writer for users of its own."""

    users: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    titles: dict[str, str] = field(default_factory=dict)
    active: dict[str, bool] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    former_members: set[str] = field(default_factory=set)
    count: int = 0

    def assert_kept(self, state: StoredState, group_id: str) -> None:
        members = state.members_of(group_id)
        assert self.users - self.deleted <= state.users.keys()
        assert not self.deleted & state.users.keys()
        assert self.members - self.deleted <= members
        assert not self.former_members & members
        for user, title in self.titles.items():
            if user not in self.deleted:
                assert state.users[user]["title"] == title
        for user, active in self.active.items():
            if user not in self.deleted:
                assert state.users[user]["active"] == active


class Writers:
    """`count` clients that make users, change them, put them into a group and out again, and delete some.

    They repeat what isn't answered, so that they go on by themselves when the server or its database is back.
    """

    def __init__(self, clients: list[ImpatientClient], group_id: str) -> None:
        self.acknowledged = Acknowledged()
        self._clients = clients
        self._group_id = group_id
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(len(self._clients))]

    async def written(self, more: int) -> None:
        """Until `more` further requests are acknowledged; raises what made a writer end."""
        goal = self.acknowledged.count + more
        while self.acknowledged.count < goal:
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """After each has done what it is at."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _write(self, number: int) -> None:
        client, chance, noted = self._clients[number], random.Random(number), self.acknowledged
        group = f"/Groups/{self._group_id}"
        for count in range(10**6):
            if self._stopping:
                return
            name = f"w{number}-{count}@acme.com"
            user = await self._create(client, name)
            path = f"/Users/{user}"
            title = f"title of {name}"
            active = chance.random() < 0.8
            steps: list[dict[str, Any]] = [
                {"op": "replace", "path": "title", "value": title},
                {"op": "replace", "path": "active", "value": active},
                {"op": "replace", "path": 'emails[type eq "work"].value', "value": f"new-{name}"},
            ]
            assert (await client.patch(path, *steps)).status_code == 200
            noted.titles[user], noted.active[user] = title, active
            assert (await client.patch(group, add_member(user))).status_code == 204
            noted.members.add(user)
            noted.count += 2
            if chance.random() < 0.3:
                noted.members.discard(user)  # until it is acknowledged it may be or not
                assert (await client.patch(group, remove_member(user))).status_code == 204
                noted.former_members.add(user)
                noted.count += 1
            elif chance.random() < 0.2:
                noted.users.discard(user)
                del noted.titles[user], noted.active[user]
                noted.members.discard(user)
                assert (await client.request("DELETE", path)).status_code in (204, 404)  # 404: it was done before
                noted.deleted.add(user)
                noted.count += 1

    async def _create(self, client: ImpatientClient, name: str) -> str:
        """Its id. A repeat finds what an attempt without an answer has made, as a provider does."""
        body = {"userName": name, "emails": [{"type": "work", "value": name}]}
        answer = await client.request("POST", "/Users", json=body)
        if answer.status_code == 201:
            user: str = answer.json()["id"]
        else:
            assert answer.status_code == 409, answer.text
            found = await client.request("GET", "/Users", params={"filter": f'userName eq "{name}"'})
            (resource,) = found.json()["Resources"]
            user = resource["id"]
        self.acknowledged.users.add(user)
        self.acknowledged.count += 1
        return user
