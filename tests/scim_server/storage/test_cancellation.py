"""Work that is given up and networks that fail, in the middle: nothing is half applied, nothing stays locked."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator

import asyncpg
import pytest

from scim_server import changes
from scim_server.scim.patch import MembersDelta
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.postgres import PostgresStorage
from scim_server.storage.postgres.failures import translated
from scim_server.storage.protocol import Reader, Storage, Writer
from scim_server.storage.sqlite import SqliteStorage
from scim_server.storage.urls import sqlite_path
from tests.scim_server.storage.steps import Steps
from tests.support.postgres import PostgresServer, StartPostgres
from tests.support.storages import insert_user, open_storage
from tests.support.tcp_proxy import TcpProxy

_ROUNDS = 60


async def test_writes_that_are_given_up_leave_all_or_nothing(storage: Storage, steps: Steps) -> None:
    chance = random.Random(4711)
    group = await steps.add_group("Staff")

    async def hire(name: str) -> None:
        async def work(writer: Writer) -> None:
            locked = await writer.lock_group(group)
            assert locked is not None
            user = await writer.insert_user({"userName": name, "active": True, "emails": [{"value": name}]}, True)
            await writer.change_members(locked, MembersDelta(add=frozenset({user.id})))

        await storage.write(steps.tenant, work)

    given_up = 0
    for round_ in range(_ROUNDS):
        tasks = [asyncio.create_task(hire(f"u{round_}-{number}")) for number in range(3)]
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(chance.choice((0, 0.0003)))
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        given_up += sum(isinstance(each, asyncio.CancelledError) for each in ended)
        assert not [each for each in ended if each is not None and not isinstance(each, asyncio.CancelledError)]

    async with asyncio.timeout(60):  # nobody holds the group's lock, or the storage's connections
        await asyncio.gather(*(hire(f"last-{number}") for number in range(20)))
    names = await steps.find_users("userName pr")
    assert names == await steps.find_users("emails pr")
    assert len(names) == len(await steps.members(group))
    assert {f"last-{number}" for number in range(20)} <= names
    assert given_up > 10  # else nothing was shown


async def test_reads_that_are_given_up_give_their_connections_back(storage: Storage, steps: Steps) -> None:
    group = await steps.add_group("Staff", await steps.add_users(*(f"u{number}" for number in range(50))))
    for round_ in range(_ROUNDS):
        tasks = [asyncio.create_task(steps.members(group, chunk=10)) for _ in range(8)]
        await asyncio.sleep(0.0005 * (round_ % 8))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(60):
        found = await asyncio.gather(*(steps.members(group) for _ in range(40)))
    assert {len(members) for members in found} == {50}
    assert storage.usage().in_use == 0


@pytest.fixture
async def small(url: str) -> AsyncIterator[Storage]:
    """A storage with two connections to read with."""
    opened: Storage
    if url.startswith("sqlite"):
        opened = SqliteStorage(sqlite_path(url), changes.record, readers=2, patience=0.3)
    else:
        opened = PostgresStorage(url, changes.record, pool_size=2, patience=0.3)
    await opened.open()
    yield opened
    await opened.close()


async def test_who_waits_too_long_for_a_connection_is_told(small: Storage, tenant: str) -> None:
    holding, enough = asyncio.Barrier(3), asyncio.Event()

    async def hold(_: Reader) -> None:
        await holding.wait()
        await enough.wait()

    holders = [asyncio.create_task(small.read(f"{tenant}-{number}", hold)) for number in range(2)]
    await holding.wait()
    assert small.usage().in_use == 2
    steps = Steps(small, tenant)
    waiting = asyncio.create_task(steps.find_users("userName pr"))
    await asyncio.sleep(0.05)
    assert small.usage().waiting == 1
    async with asyncio.timeout(60):
        with pytest.raises(StorageUnavailable):
            await waiting
    assert small.usage().waiting == 0
    enough.set()
    await asyncio.gather(*holders)
    assert await steps.find_users("userName pr") == set()


async def test_who_waits_too_long_to_write_is_told(small: Storage, tenant: str) -> None:
    """On SQLite a step runs in a thread, so that threads have to hold it."""
    count = 1 if isinstance(small, SqliteStorage) else 2
    holding, enough = threading.Barrier(count + 1), threading.Event()

    def wait() -> None:
        holding.wait()
        enough.wait()

    async def hold(writer: Writer) -> None:
        await writer.insert_user({"userName": "ann", "active": True}, True)
        await writer.compute(wait)

    holders = [asyncio.create_task(small.write(f"{tenant}-{number}", hold)) for number in range(count)]
    await asyncio.to_thread(holding.wait)
    steps = Steps(small, tenant)
    try:
        async with asyncio.timeout(60):
            with pytest.raises(StorageUnavailable):
                await steps.add_user("bob")
    finally:
        enough.set()
    await asyncio.gather(*holders)
    await steps.add_user("bob")


@pytest.fixture
def tcp_server(start_postgres: StartPostgres) -> PostgresServer:
    return start_postgres(tcp=True)


@pytest.fixture
async def proxy(tcp_server: PostgresServer) -> AsyncIterator[TcpProxy]:
    assert tcp_server.tcp_port is not None
    async with TcpProxy(tcp_server.tcp_port) as proxy:
        yield proxy


async def test_a_commit_whose_answer_is_lost(proxy: TcpProxy) -> None:
    """It is not known to be there: 503 is the answer, and what is there is whole."""
    storage = open_storage(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")
    await storage.open()
    steps = Steps(storage, "acme/okta")
    ann = await steps.add_user("ann")
    proxy.lose_answer_to(b"COMMIT")
    with pytest.raises(StorageUnavailable):
        await steps.update_user(ann, emails=[{"value": "ann@acme.com"}])
    assert proxy.lost.is_set()
    assert await steps.find_users("userName pr") == await steps.find_users("emails pr") == {"ann"}
    await steps.add_user("bob")
    await storage.close()


async def test_a_creation_whose_answer_is_lost(proxy: TcpProxy) -> None:
    storage = open_storage(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")
    await storage.open()
    steps = Steps(storage, "acme/okta")
    proxy.lose_answer_to(b"ann@acme.com")
    document = {"userName": "ann", "active": True, "emails": [{"value": "ann@acme.com"}]}
    with pytest.raises(StorageUnavailable):
        await insert_user(storage, steps.tenant, document, True)
    assert proxy.lost.is_set()
    found = await steps.find_users("userName pr")
    assert found == await steps.find_users("emails pr")
    assert found <= {"ann"}
    await storage.close()


async def test_a_network_that_stops_in_a_transaction(proxy: TcpProxy, tcp_server: PostgresServer) -> None:
    """The roll-back can't be sent: the connection is closed, and PostgreSQL gives the locks back."""
    storage = open_storage(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")
    await storage.open()
    steps = Steps(storage, "acme/okta")
    ann = await steps.add_user("ann")
    locked = asyncio.Event()

    async def work(writer: Writer) -> None:
        await writer.lock_user(ann)
        locked.set()
        proxy.freeze()
        await writer.insert_user({"userName": "bob", "active": True}, True)

    write = asyncio.create_task(storage.write(steps.tenant, work))
    await locked.wait()
    await asyncio.sleep(0.1)
    write.cancel()
    async with asyncio.timeout(60):
        with pytest.raises((asyncio.CancelledError, StorageUnavailable)):
            await write
    proxy.thaw()
    async with asyncio.timeout(60):
        await steps.update_user(ann, title="Countess")
    assert await steps.find_users("userName pr") == {"ann"}
    session = await asyncpg.connect(tcp_server.dsn())
    stuck = await session.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    await session.close()
    assert stuck == 0
    await storage.close()


async def test_a_network_that_stops_is_noticed_by_a_ping(proxy: TcpProxy) -> None:
    storage = open_storage(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")
    await storage.open()
    await storage.ping()
    proxy.freeze()
    async with asyncio.timeout(60):
        with pytest.raises(StorageUnavailable):
            await storage.ping()
    proxy.thaw()
    await storage.ping()
    await storage.close()


@pytest.mark.parametrize(
    ("before", "statement"),
    [
        ("SET statement_timeout = '50ms'", "SELECT pg_sleep(5)"),
        ("SET lock_timeout = '50ms'", "SELECT pg_advisory_lock(4711)"),
        ("SET idle_in_transaction_session_timeout = '50ms'; BEGIN", "SELECT 1"),
        ("SET default_transaction_read_only = on", "CREATE TABLE not_now ()"),
    ],
    ids=["statement", "lock", "idle transaction", "read-only"],
)
async def test_what_postgresql_gives_up_is_unavailable(before: str, statement: str, postgres_dsn: str) -> None:
    session, holder = await asyncpg.connect(postgres_dsn), await asyncpg.connect(postgres_dsn)
    await holder.execute("SELECT pg_advisory_lock(4711)")
    await session.execute(before)
    await asyncio.sleep(0.3)  # longer than a transaction may be idle
    with pytest.raises(StorageUnavailable, match=r"^PostgreSQL is not available: \w+"), translated():
        await session.execute(statement)
    await session.close()
    await holder.close()


async def test_closing_does_not_wait_for_a_network_that_stops(proxy: TcpProxy) -> None:
    storage = open_storage(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")
    await storage.open()
    await storage.ping()
    proxy.freeze()
    reading = asyncio.create_task(storage.pending_tenants())
    await asyncio.sleep(0.1)
    async with asyncio.timeout(60):
        await storage.close()
        with pytest.raises(StorageUnavailable):
            await reading
