"""Slots that those who wait longest lose to new ones."""

import asyncio
from contextlib import suppress

import pytest

from scim_server.limits.slots import Displaced, Slot, Slots


async def test_who_is_out_of_time_already_can_be_displaced() -> None:
    slots, waits = Slots(1), asyncio.Event()

    async def wait() -> None:
        with slots.enter("a") as slot:
            assert slot is not None
            async with slot.waiting(0):
                waits.set()
                await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await waits.wait()  # the time is over, and the task doesn't know it yet
    with slots.enter("a") as slot:
        assert slot is not None
        with pytest.raises(Displaced):
            await waiting


async def test_who_was_displaced_leaves_nothing_of_those_who_came_later() -> None:
    slots, waits = Slots(1), asyncio.Event()

    async def wait(slot: Slot) -> None:
        async with slot.waiting(60):
            waits.set()
            await asyncio.Event().wait()

    with slots.enter("a") as first:
        assert first is not None
        waiting = asyncio.create_task(wait(first))
        await waits.wait()
        with slots.enter("a"):
            pass
        third = slots.enter("a")
        third.__enter__()
        with suppress(Displaced):
            await waiting
    with slots.enter("a") as fourth:
        assert fourth is None, "the third has the only slot and doesn't wait"
    third.__exit__(None, None, None)
    with slots.enter("a") as fifth:
        assert fifth is not None
