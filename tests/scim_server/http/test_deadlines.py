"""Each part of a request has its own time; the work is cancelled when one is over."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Send

from scim_server.http.deadlines import Deadlines, OutOfTime, Part, TimeLimits, client_gone

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

Work = Callable[[Receive, Send], Awaitable[None]]
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
FOR_EVER = 100.0


async def piece() -> Message:
    return {"type": "http.request", "body": b"x", "more_body": True}


async def end() -> Message:
    return {"type": "http.request", "body": b"x", "more_body": False}


async def taken(_: Message) -> None:
    pass


async def out_of_time(limits: TimeLimits, work: Work, receive: Receive = end, has_body: bool = True) -> Part:
    with pytest.raises(OutOfTime) as late:
        async with Deadlines(limits, has_body) as deadlines:
            await work(deadlines.watch_receive(receive), deadlines.watch_send(taken))
    return late.value.part


async def test_a_body_that_never_ends() -> None:
    async def work(receive: Receive, send: Send) -> None:
        while True:
            await receive()
            await asyncio.sleep(0.01)

    assert await out_of_time(TimeLimits(0.1, FOR_EVER, FOR_EVER), work, piece) is Part.BODY


async def test_work_that_never_ends() -> None:
    async def work(receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(FOR_EVER)

    assert await out_of_time(TimeLimits(FOR_EVER, 0.1, FOR_EVER), work) is Part.WORK


async def test_a_request_without_a_body_is_at_work_from_the_beginning() -> None:
    async def work(receive: Receive, send: Send) -> None:
        await asyncio.sleep(FOR_EVER)

    assert await out_of_time(TimeLimits(FOR_EVER, 0.1, FOR_EVER), work, has_body=False) is Part.WORK


async def test_an_answer_that_never_ends() -> None:
    async def work(receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0.01)

    assert await out_of_time(TimeLimits(FOR_EVER, FOR_EVER, 0.1), work) is Part.ANSWER


async def test_parts_that_each_take_their_time() -> None:
    limits = TimeLimits(0.5, 0.5, 0.5)
    async with Deadlines(limits, has_body=True) as deadlines:
        receive, send = deadlines.watch_receive(end), deadlines.watch_send(taken)
        await asyncio.sleep(0.3)
        await receive()
        await asyncio.sleep(0.3)
        await send(START)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b"x"})


async def test_a_client_that_went_away_ends_the_work() -> None:
    async def work(receive: Receive, send: Send) -> None:
        scope: dict[str, object] = {}
        deadlines.attach(scope)
        client_gone(scope)
        await asyncio.sleep(FOR_EVER)

    with pytest.raises(OutOfTime) as late:
        async with Deadlines(TimeLimits(), has_body=False) as deadlines:
            await work(deadlines.watch_receive(end), deadlines.watch_send(taken))
    assert late.value.part is Part.CLIENT_GONE


async def test_errors_of_the_work_pass() -> None:
    for error in (TimeoutError("of the work itself"), ValueError("x")):
        with pytest.raises(type(error)):
            async with Deadlines(TimeLimits(), has_body=False):
                raise error
