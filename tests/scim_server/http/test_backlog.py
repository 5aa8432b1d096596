import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.http.backlog import Backlog, BacklogFull, Room


@given(st.lists(st.one_of(st.binary(max_size=200), st.none()), max_size=80))
def test_blocks_come_out_as_they_went_in(steps: list[bytes | None]) -> None:
    """None takes one, where one waits."""

    async def run() -> None:
        room = Room(1 << 20)
        backlog = Backlog(room)
        put: list[bytes | None] = []
        taken: list[bytes | None] = []
        for step in steps:
            if step is not None:
                backlog.put(step)
                put.append(step)
            elif len(taken) < len(put):
                taken.append(await backlog.take())
        backlog.end()
        while (block := await backlog.take()) is not None:
            taken.append(block)
        assert taken == put
        assert room.taken == 0

    asyncio.run(run())


async def test_who_takes_waits_for_who_puts() -> None:
    backlog = Backlog(Room(1 << 20))
    taking = [asyncio.create_task(backlog.take()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in taking)
    backlog.put(b"one")
    backlog.end()
    assert await asyncio.gather(*taking) == [b"one", None]


async def test_what_repeats_takes_less_room() -> None:
    room = Room(2 << 20)
    backlog = Backlog(room)
    for _ in range(200):
        backlog.put(b"x" * 65_536)
    assert room.taken < 1_200_000
    backlog.drop()
    assert room.taken == 0


async def test_all_backlogs_share_the_room() -> None:
    room = Room(1000)
    one, other = Backlog(room), Backlog(room)
    noise = random.Random(1).randbytes(600)
    one.put(noise)
    with pytest.raises(BacklogFull):
        other.put(noise)
    assert await one.take() == noise
    other.put(noise)
