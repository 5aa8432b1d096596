"""What is acknowledged stays, whatever dies; what can't be answered now is `StorageUnavailable`."""

import asyncio
import signal
import sys

import pytest

from scim_server.storage.errors import StorageUnavailable
from tests.scim_server.storage.steps import Steps
from tests.support.postgres import StartPostgres
from tests.support.storages import open_storage

_WRITER = """
import asyncio, sys
from tests.support.storages import open_storage

async def main():
    storage = open_storage(sys.argv[1])
    await storage.open()
    for number in range(10**9):
        name = f"{sys.argv[2]}-{number}"
        document = {"userName": name, "active": True, "emails": [{"value": name}]}
        await storage.write("acme/okta", lambda writer: writer.insert_user(document, True))
        print(name, flush=True)

asyncio.run(main())
"""


async def _written_until_killed(url: str, round_: int, count: int) -> set[str]:
    """Names that a process said it has written, before it was killed in the middle of its work."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, url, f"r{round_}", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    names = [(await process.stdout.readline()).decode().strip() for _ in range(count)]
    process.send_signal(signal.SIGKILL)
    rest = (await process.stdout.read()).decode()
    await process.wait()
    complete = rest[: rest.rfind("\n") + 1].split()
    assert all(names)
    return {*names, *complete}


async def test_a_killed_server_loses_nothing_that_it_acknowledged(fresh_url: str) -> None:
    acknowledged: set[str] = set()
    for round_ in range(4):
        acknowledged |= await _written_until_killed(fresh_url, round_, count=20 + 13 * round_)
        storage = open_storage(fresh_url)
        await storage.open()
        steps = Steps(storage, "acme/okta")
        found = await steps.find_users("userName pr")
        assert acknowledged <= found
        assert found == await steps.find_users("emails pr")
        for name in found - acknowledged:  # committed, but killed before it could say so: whole all the same
            assert await steps.find_users(f'emails.value eq "{name}"') == {name}
        await storage.close()


async def test_postgresql_going_away_and_coming_back(start_postgres: StartPostgres) -> None:
    server = start_postgres()
    storage = open_storage(server.dsn())
    await storage.open()
    steps = Steps(storage, "acme/okta")
    try:
        ann = await steps.add_user("ann")

        server.stop()
        with pytest.raises(StorageUnavailable):
            await storage.ping()
        with pytest.raises(StorageUnavailable):
            await steps.user(ann)
        with pytest.raises(StorageUnavailable):
            await steps.add_user("bob")

        server.start()
        await storage.ping()
        assert await steps.user(ann) is not None
        await steps.add_user("bob")
    finally:
        await storage.close()


async def test_postgresql_dying_in_the_middle_of_a_transaction(start_postgres: StartPostgres) -> None:
    server = start_postgres(durable=True)
    storage = open_storage(server.dsn())
    await storage.open()
    steps = Steps(storage, "acme/okta")
    try:

        async def work(writer) -> None:  # type: ignore[no-untyped-def]
            await writer.insert_user({"userName": "ann", "active": True}, True)
            await asyncio.to_thread(server.crash)

        with pytest.raises(StorageUnavailable):
            await storage.write(steps.tenant, work)
        server.start()
        assert await steps.find_users("userName pr") == set()
        await steps.add_user("ann")
    finally:
        await storage.close()
