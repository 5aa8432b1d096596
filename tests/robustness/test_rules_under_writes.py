"""The rules for roles change again and again while users and memberships do."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from scim_server.app import Server, ServerSettings
from tests.robustness.impatient_client import ImpatientClient
from tests.robustness.load import Writers
from tests.robustness.stored_state import read_state
from tests.support.serving import Connection, bundle_of

_REVISIONS = 8
_CLIENTS = 6


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    sqlite = request.param == "sqlite"
    return f"sqlite:///{tmp_path}/scim.db" if sqlite else request.getfixturevalue("postgres_dsn")


@pytest.fixture
async def replicas(url: str) -> AsyncIterator[list[Server]]:
    """Two on PostgreSQL, which get each configuration at different times."""
    count = 1 if url.startswith("sqlite") else 2
    servers = [Server(ServerSettings(url, port=0, management_port=None)) for _ in range(count)]
    for server in servers:
        await server.start()
    yield servers
    for server in servers:
        await server.stop()


def of_revision(connection: Connection, revision: int) -> Connection:
    """Other roles for the group, and others for everybody, with each revision."""
    return replace(
        connection,
        rules=[("admins", {"display_name": "App Admins"}, ("admin", "analyst")[: 1 + revision % 2])]
        if revision % 3
        else [],
        base_roles=("viewer",) if revision % 2 else (),
        fallback_roles=("guest",) if revision % 4 < 2 else (),
    )


async def test_roles_follow_the_last_rules(replicas: list[Server], url: str, connection: Connection) -> None:
    chance = random.Random(11)
    for server in replicas:
        await server.intake.offer(bundle_of(of_revision(connection, 1), revision=1), "test")
    clients = [
        ImpatientClient(
            replicas[number % len(replicas)].url, connection, first_patience=30, chance=random.Random(number)
        )
        for number in range(_CLIENTS)
    ]
    group = (await clients[0].request("POST", "/Groups", json={"displayName": "App Admins"})).json()["id"]
    writers = Writers(clients, group)
    writers.start()
    try:
        for revision in range(2, _REVISIONS + 1):
            for server in chance.sample(replicas, len(replicas)):
                await writers.written(chance.randrange(10))
                await server.intake.offer(bundle_of(of_revision(connection, revision), revision=revision), "test")
        await writers.written(30)
        await writers.stop()
    finally:
        writers.cancel()
        await asyncio.gather(*(client.__aexit__() for client in clients))
    for server in replicas:
        assert await server.applier.wait_applied(_REVISIONS, 10)
    state = await read_state(url, connection.key)
    writers.acknowledged.assert_kept(state, group)
    state.assert_whole(of_revision(connection, _REVISIONS).tenant())
