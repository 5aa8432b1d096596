"""Answers of any size, and who waits for whom."""

import asyncio
from collections.abc import Callable

from scim_server.app import Server
from scim_server.config import Access
from scim_server.directory.caller import Caller
from scim_server.directory.directory import Directory
from scim_server.directory.output import Output
from scim_server.directory.tenant import ServedTenant, TenantCaches
from scim_server.storage.protocol import Reader
from tests.support.serving import TOKEN_KEY, Connection


class Taken:
    """An `Output` that keeps all."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def begin(self, location: str, tag: str, *, tag_covers_all: bool) -> bool:
        return True

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)


def caller_of(connection: Connection) -> Caller:
    tenant = ServedTenant(connection.tenant(), 1, TOKEN_KEY, TenantCaches())
    return Caller(tenant, "provision", Access.PROVISION, "https://scim.example")


async def until(condition: Callable[[], bool], turn: asyncio.Condition) -> None:
    async with asyncio.timeout(30), turn:
        await turn.wait_for(condition)


async def test_large_answers_leave_connections_to_the_others(server: Server, connection: Connection) -> None:
    directory, caller = Directory(server.storage, server.applier), caller_of(connection)
    turn, enough = asyncio.Condition(), asyncio.Event()
    under_way = 0

    async def large(reader: Reader, out: Output) -> None:
        nonlocal under_way
        out.write(b"x" * (5 << 20))
        async with turn:
            under_way += 1
            turn.notify_all()
        await enough.wait()

    limit = server.storage.usage().limit
    outputs = [Taken() for _ in range(2 * limit)]
    reads = [asyncio.create_task(directory.read_into(out, caller, large)) for out in outputs]
    share = limit // 8  # half of a quarter, for one tenant
    await until(lambda: under_way == share, turn)

    async def small(reader: Reader, out: Output) -> None:
        out.write(b"a")
        await reader.rules()
        out.write(b"b")

    for _ in range(2 * limit):
        taken = Taken()
        async with asyncio.timeout(30):
            await directory.read_into(taken, caller, small)
        assert taken.pieces == [b"a", b"b"]
    assert under_way == share
    enough.set()
    await asyncio.gather(*reads)
    assert [len(b"".join(out.pieces)) for out in outputs] == [5 << 20] * len(outputs)


async def test_a_small_answer_is_written_when_its_reading_is_over(server: Server, connection: Connection) -> None:
    directory, caller, taken = Directory(server.storage, server.applier), caller_of(connection), Taken()

    async def work(reader: Reader, out: Output) -> None:
        out.write(b"a")
        assert taken.pieces == []

    await directory.read_into(taken, caller, work)
    assert taken.pieces == [b"a"]


async def test_large_reads_that_fail_give_their_turn_back(server: Server, connection: Connection) -> None:
    directory, caller = Directory(server.storage, server.applier), caller_of(connection)

    async def fails(reader: Reader, out: Output) -> None:
        out.write(b"x" * (5 << 20))
        raise LookupError

    for _ in range(server.storage.usage().limit):
        async with asyncio.timeout(30):
            (error,) = await asyncio.gather(directory.read_into(Taken(), caller, fails), return_exceptions=True)
        assert isinstance(error, LookupError)
