"""Requests that are sent before the answers to those before them are there."""

import asyncio
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from tests.scim_server.http.in_memory import connected_in_memory
from tests.scim_server.http.running import connected, refusals
from tests.scim_server.http.test_connections import HEAD, serving
from tests.support.until import until

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

GET = HEAD + "\r\n"
POST = HEAD.replace("GET", "POST")


async def test_few_requests_of_a_client_wait_however_many_it_sends() -> None:
    waited: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        waited.append(len(connection.pipeline))
        assert client.is_read == (not waited[-1])
        await receive()
        assert client.is_read == (not connection.pipeline)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    connection, client = connected_in_memory(app)
    request = b"GET / HTTP/1.1\r\n\r\n"
    connection.data_received(request * 10_000)
    await until(lambda: len(waited) == 10_000 and client.is_read, 60)
    assert 1 < max(waited) <= 64
    assert client.received.count(b" 204 ") == 10_000
    connection.connection_lost(None)


async def test_many_requests_that_end_within_a_head_are_all_answered(tmp_path: Path) -> None:
    count, get = 150, HEAD + f"X: {'x' * 1000}\r\n\r\n"
    async with serving(tmp_path) as server, connected(server) as one:
        sending = asyncio.create_task(one.send(get * count + HEAD))
        assert [(await one.answer())[0] for _ in range(count)] == [200] * count
        await sending
        await one.send("\r\n")
        assert (await one.answer())[0] == 200
        assert refusals(server, "large_head") == 0


async def test_a_head_that_never_ends_is_too_large_behind_others_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        sending = asyncio.create_task(one.send(GET * 3 + HEAD + "X: " + "x" * 70_000))
        assert [(await one.answer())[0] for _ in range(4)] == [200] * 3 + [431]
        await sending
        assert await one.ended()


BAD = {
    "no HTTP": "nonsense\r\n\r\n",
    "a large head": f"{HEAD}X: {'x' * 70_000}\r\n\r\n",
    "a length that is none": f"{POST}Content-Length: x\r\n\r\n",
    "a chunk that is none": f"{POST}Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "a tunnel": "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n",
}


@pytest.mark.parametrize("bad", BAD)
async def test_requests_before_a_bad_one_are_answered_and_none_after_it(tmp_path: Path, bad: str) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        body = '{"userName": "ann"}'
        created = f"{POST}Content-Length: {len(body)}\r\n\r\n{body}"
        await one.send(created + GET + BAD[bad] + GET)
        expected = [201, 200, 431 if bad == "a large head" else 400]
        assert [(await one.answer())[0] for _ in range(3)] == expected
        assert await one.ended()


async def test_no_answer_waits_for_requests_that_are_still_to_come(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as one:
        body = f'{{"userName": "ann", "title": "{"x" * 5000}"}}'
        create = f"{POST}Content-Length: {len(body)}\r\n\r\n{body}"
        await one.send(GET + create[:200])
        assert (await one.answer())[0] == 200
        await one.send(create[200:] + GET)
        assert [(await one.answer())[0] for _ in range(2)] == [201, 200]


async def test_a_client_that_leaves_ends_the_work_on_its_first_request_whatever_it_sent_since() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    messages = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        messages.append(await receive())
        messages.append(await receive())
        ended.set()

    connection, _ = connected_in_memory(app)
    connection.data_received(b"GET / HTTP/1.1\r\n\r\n" * 3)
    await begun.wait()
    connection.connection_lost(None)
    async with asyncio.timeout(30):
        await ended.wait()
    assert [message["type"] for message in messages][-1] == "http.disconnect"
