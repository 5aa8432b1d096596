"""An identity provider that gives a request up when the answer takes too long, and sends it again."""

import asyncio
import random
import time
from collections import Counter
from typing import Any

import httpx

from tests.support.serving import Connection

_PATIENCE_SECONDS = 180.0
"""For one request, repeats included."""


class ImpatientClient:
    """One provider's worker. `attempts` counts what came of each attempt: a status, or `given up`.

    The first attempt of a request gets `first_patience` seconds and each further one twice as many, so that many are
    given up while the server works on them, and all succeed in the end.
    """

    def __init__(self, url: str, connection: Connection, *, first_patience: float, chance: random.Random) -> None:
        self.attempts: Counter[int | str] = Counter()
        self._first_patience = first_patience
        self._chance = chance
        self._client = httpx.AsyncClient(
            base_url=url + connection.path,
            headers={"Authorization": f"Bearer {connection.token('provision')}"},
            trust_env=False,
        )

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """The first answer that isn't 503; asserts that no other status tells of a failure of the server."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        patience = self._first_patience
        while True:
            assert time.monotonic() < deadline, f"{method} {path}: {dict(self.attempts)}"
            try:
                answer = await self._client.request(method, path, timeout=patience, **arguments)
            except httpx.TransportError:
                self.attempts["given up"] += 1
                patience = min(patience * 2, 60.0)
            else:
                self.attempts[answer.status_code] += 1
                assert answer.status_code < 500 or answer.status_code == 503, answer.text
                if answer.status_code != 503:
                    return answer
                assert answer.headers["retry-after"].isdecimal()
            await asyncio.sleep(self._chance.uniform(0, 0.05))

    async def patch(self, path: str, *operations: dict[str, Any], **arguments: Any) -> httpx.Response:
        return await self.request("PATCH", path, json={"Operations": list(operations)}, **arguments)

    async def __aenter__(self) -> "ImpatientClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()


def add_member(user_id: str) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": [{"value": user_id}]}


def remove_member(user_id: str) -> dict[str, Any]:
    return {"op": "remove", "path": f'members[value eq "{user_id}"]'}
