"""Places that those who wait longest lose to new ones."""

import asyncio
from contextlib import suppress

import pytest

from scim_server.limits.places import Displaced, Place, Places


async def test_who_is_out_of_time_already_can_be_displaced() -> None:
    places, waits = Places(1), asyncio.Event()

    async def wait() -> None:
        with places.enter("a") as place:
            assert place is not None
            async with place.waiting(0):
                waits.set()
                await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await waits.wait()  # the time is over, and the task doesn't know it yet
    with places.enter("a") as place:
        assert place is not None
        with pytest.raises(Displaced):
            await waiting


async def test_who_was_displaced_leaves_nothing_of_those_who_came_later() -> None:
    places, waits = Places(1), asyncio.Event()

    async def wait(place: Place) -> None:
        async with place.waiting(60):
            waits.set()
            await asyncio.Event().wait()

    with places.enter("a") as first:
        assert first is not None
        waiting = asyncio.create_task(wait(first))
        await waits.wait()
        with places.enter("a"):
            pass
        third = places.enter("a")
        third.__enter__()
        with suppress(Displaced):
            await waiting
    with places.enter("a") as fourth:
        assert fourth is None, "the third has the only place and doesn't wait"
    third.__exit__(None, None, None)
    with places.enter("a") as fifth:
        assert fifth is not None
