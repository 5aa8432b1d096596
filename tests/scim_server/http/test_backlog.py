import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.http.backlog import Backlog, BacklogFull
from scim_server.limits.shared_room import SharedRoom

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored


@given(st.lists(st.one_of(st.binary(max_size=200), st.none()), max_size=80))
def test_blocks_come_out_as_they_went_in(steps: list[bytes | None]) -> None:
    """None takes one, where one waits."""

    async def run() -> None:
        room = SharedRoom(2 << 20)
        backlog = Backlog(room, "acme/okta")
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
    backlog = Backlog(SharedRoom(2 << 20), "acme/okta")
    taking = [asyncio.create_task(backlog.take()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in taking)
    backlog.put(b"one")
    backlog.end()
    assert await asyncio.gather(*taking) == [b"one", None]


async def test_what_repeats_takes_less_room() -> None:
    room = SharedRoom(4 << 20)
    backlog = Backlog(room, "acme/okta")
    for _ in range(200):
        backlog.put(b"x" * 65_536)
    assert room.taken < 1_200_000
    backlog.drop()
    assert room.taken == 0


async def test_all_backlogs_share_the_room() -> None:
    room = SharedRoom(1000)
    one, other = Backlog(room, "acme/okta"), Backlog(room, "acme/okta")
    noise = random.Random(1).randbytes(450)
    one.put(noise)
    with pytest.raises(BacklogFull):  # half of it is for one tenant
        other.put(noise)
    Backlog(room, "acme/entra").put(noise)
    with pytest.raises(BacklogFull):
        Backlog(room, "acme/third").put(noise)
    assert await one.take() == noise
    other.put(noise)
