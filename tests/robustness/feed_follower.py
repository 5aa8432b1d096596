"""An application that follows the feed and keeps what it is told, through replicas that die and come back."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from tests.support.serving import EFFECTIVE, Connection

_PATIENCE_SECONDS = 60.0

User = tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]
"""userName, state, roles with the time since when, permissions, profile."""


class FeedFollower:
    """Asks the replicas in turn. `users`: whom the events tell of, by id."""

    def __init__(self, urls: Sequence[str], connection: Connection, *, limit: int) -> None:
        self.users: dict[str, User] = {}
        self.types: Counter[str] = Counter()
        self._sequence = 0
        self._created: set[str] = set()
        self._ids: set[str] = set()
        self._limit = limit
        self._token: str | None = None
        self._urls = itertools.cycle([f"{url}/{connection.key}/events" for url in urls])
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {connection.token('read')}"}, trust_env=False, timeout=90
        )

    async def follow(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._take(await self._page(wait=30))

    async def catch_up(self) -> None:
        """Until there is nothing more now."""
        while await self._take(await self._page(wait=0)):
            pass

    async def close(self) -> None:
        await self._client.aclose()

    async def _page(self, wait: int) -> dict[str, Any]:
        parameters: dict[str, str | int] = {"limit": self._limit, "wait": wait}
        if self._token is not None:
            parameters["after"] = self._token
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = await self._client.get(next(self._urls), params=parameters)
            except httpx.TransportError:
                assert time.monotonic() < deadline, "no replica answers"
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 503:
                assert time.monotonic() < deadline, answer.text
                await asyncio.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            page: dict[str, Any] = answer.json()
            return page

    async def _take(self, page: dict[str, Any]) -> bool:
        """Whether there was anything."""
        for event in page["events"]:
            assert event["sequence"] > self._sequence
            assert event["id"] not in self._ids
            self._sequence = event["sequence"]
            self._ids.add(event["id"])
            self.types[event["type"]] += 1
            if (user := event.get("user")) is not None:
                self._change(event["type"], user)
        self._token = page["next"]
        return bool(page["events"])

    def _change(self, type_: str, user: dict[str, Any]) -> None:
        id_ = user["id"]
        if type_ == "user.created":
            assert id_ not in self._created
            self._created.add(id_)
        elif type_ == "user.deactivated" and id_ not in self.users:
            assert id_ in self._created  # deleted before the delay was over
            return
        else:
            assert id_ in self.users, f"{type_} of a user who isn't there"
        if type_ == "user.deleted":
            assert user["roles"] == []
            del self.users[id_]
        else:
            self.users[id_] = _user(user["userName"], user)


async def read_users(url: str, connection: Connection) -> dict[str, User]:
    """As a read of all users shows them."""
    found: dict[str, User] = {}
    headers = {"Authorization": f"Bearer {connection.token('read')}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:
        cursor: str | None = ""
        while cursor is not None:
            answer = await client.get(f"{url}{connection.path}/Users", params={"count": 1000, "cursor": cursor})
            page = answer.raise_for_status().json()
            for user in page["Resources"]:
                found[user["id"]] = _user(user["userName"], user[EFFECTIVE])
            cursor = page.get("nextCursor")
    return found


def _user(user_name: str, shown: dict[str, Any]) -> User:
    roles = sorted(f"{role['value']} since {role['since']}" for role in shown["roles"])
    profile = sorted((name, repr(value)) for name, value in shown["profile"].items())
    return (user_name, shown["state"], tuple(roles), tuple(shown["permissions"]), tuple(profile))
