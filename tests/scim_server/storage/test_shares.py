"""No tenant has more than its share of the connections, and of the time."""

import asyncio
import threading

import pytest

from scim_server.scim.errors import TooMany
from scim_server.scim.filter import parse
from scim_server.scim.resource_types import USER_TYPE
from scim_server.storage.protocol import Reader, Storage, Writer
from scim_server.storage.records import Query
from scim_server.storage.shares import tenant_share
from tests.scim_server.storage.steps import Steps


async def test_reads_of_one_tenant_leave_others_their_connections(storage: Storage, tenant: str) -> None:
    limit = storage.usage().limit
    share = tenant_share(limit)
    under_way, at_once = 0, 0
    full, enough = asyncio.Event(), asyncio.Event()

    async def hold(reader: Reader) -> None:
        nonlocal under_way, at_once
        under_way += 1
        at_once = max(at_once, under_way)
        if under_way == share:
            full.set()
        await enough.wait()
        under_way -= 1

    holding = [asyncio.create_task(storage.read(tenant, hold)) for _ in range(3 * limit)]
    async with asyncio.timeout(30):
        await full.wait()
        for number in range(limit):  # others needn't wait for one of them to end
            other = Steps(storage, f"{tenant}-{number}")
            await other.add_user("ada")
            assert len(await other.find_users("userName pr")) == 1
    assert under_way == at_once == share
    assert storage.usage().in_use == share
    assert storage.usage().waiting == 3 * limit - share
    enough.set()
    await asyncio.gather(*holding)


async def _open_connections(storage: Storage) -> None:
    """All that read, so that nobody waits for one to be opened."""
    readers = storage.usage().limit - 1  # SQLite counts the one that writes
    together = asyncio.Barrier(readers)

    async def meet(reader: Reader) -> None:
        await together.wait()

    await asyncio.gather(*(storage.read(f"opens {number}", meet) for number in range(readers)))


async def test_writes_take_turns_by_tenant(storage: Storage, tenant: str) -> None:
    await _open_connections(storage)
    order: list[str] = []
    started, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        go_on.wait(30)

    def write(name: str) -> "asyncio.Task[None]":
        async def work(writer: Writer) -> None:
            order.append(name)
            await writer.compute(wait)

        return asyncio.create_task(storage.write(f"{tenant}-{name[0]}", work, exclusive=True))

    writes = [write("a0")]
    await asyncio.to_thread(started.wait)
    writes += [write(f"a{number}") for number in range(1, 30)]
    await asyncio.sleep(0)
    writes.append(write("b0"))
    await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(60):
        await asyncio.gather(*writes)
    assert order.index("b0") <= tenant_share(storage.usage().limit)


async def test_a_search_that_takes_too_long_says_what_to_do(
    storage: Storage, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(storage, tenant)
    emails = [{"value": f"{number}@acme.com"} for number in range(1000)]
    for number in range(40):
        await steps.insert_user({"userName": f"u{number}", "emails": emails})
    text = " or ".join(f'emails.value co "nobody{number}"' for number in range(30))
    costly = Query(filter=parse(text, USER_TYPE))
    for database in ("sqlite", "postgres"):
        monkeypatch.setattr(f"scim_server.storage.{database}.session.SEARCH_SECONDS", 0.01)
    with pytest.raises(TooMany, match="no index answers it"):
        await steps.users(costly)
    monkeypatch.undo()
    assert storage.usage().in_use == 0
    assert (await steps.users(Query(count=1))).total == 40
