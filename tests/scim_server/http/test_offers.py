"""Requests that offer another protocol: their bodies are their bodies, and the connection goes on.

However it is cut into segments, a stream of requests with an offer is the same requests as the stream without it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httptools
import pytest
from starlette.types import Receive, Scope, Send

from scim_server.http.offers import head_without_offer
from tests.scim_server.http.in_memory import connected_in_memory
from tests.scim_server.http.running import connected
from tests.scim_server.http.test_connections import HEAD, serving

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
OFFERS = {
    "h2c": H2C,
    "WebSocket": "connection:upgrade\r\nUPGRADE:websocket\r\n",
    "in several lines": "Upgrade: a\r\nConnection: x\r\nUpgrade: b, c/1\r\nConnection: UPGRADE,keep-alive\r\n",
    "nothing": "Connection: Upgrade\r\nUpgrade:\r\n",
}
SMUGGLED = "DELETE /victim HTTP/1.1\r\nHost: x\r\n\r\n"
BODIES = {
    "none": "\r\n",
    "by length": f"Content-Length: {len(SMUGGLED) + 2}\r\n\r\n\r\n{SMUGGLED}",
    "chunked": (
        f"Transfer-Encoding: chunked\r\n\r\n{len(SMUGGLED):x};a=b\r\n{SMUGGLED}\r\n"
        "3\r\n{}\n\r\n0\r\nUpgrade: trailer\r\n\r\n"
    ),
}

Request = tuple[str, bytes, bytes]


async def understood(segments: Sequence[bytes], expected: int) -> list[Request]:
    """The requests that the server makes of them, of which there should be as many as `expected`."""
    requests: list[Request] = []
    answered = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body, more = body + message["body"], message["more_body"]
        requests.append((scope["method"], scope["raw_path"], body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        if len(requests) == expected:
            answered.set()

    connection, client = connected_in_memory(app)
    for segment in segments:
        connection.data_received(segment)
    async with asyncio.timeout(30):
        await answered.wait()
    for _ in range(3):  # for what should not come
        await asyncio.sleep(0)
    assert client.received.count(b"HTTP/1.1 204 ") == len(requests)
    assert not client.closed
    connection.connection_lost(None)
    return requests


def stream(offer: str, body: str) -> bytes:
    method = "GET" if body == "none" else "POST"
    one = f"{method} /one HTTP/1.1\r\nHost: x\r\n{offer}{BODIES[body]}"
    return (one + one.replace("/one", "/two") + "GET /last HTTP/1.1\r\nHost: x\r\n\r\n").encode()


def cut(data: bytes) -> Iterator[Sequence[bytes]]:
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("offer", OFFERS)
async def test_an_offer_changes_nothing(offer: str, body: str) -> None:
    without = await understood([stream("", body)], 3)
    assert [path for _, path, _ in without] == [b"/one", b"/two", b"/last"]
    assert bool(without[0][2]) == (body != "none")
    for segments in cut(stream(OFFERS[offer], body)):
        assert await understood(segments, 3) == without


@asynccontextmanager
async def known(directory: Path) -> AsyncIterator[Any]:
    async with serving(directory) as server, connected(server) as one:
        yield one


@pytest.mark.parametrize("segments", ["one", "several"])
async def test_a_user_is_created_by_a_client_that_offers_h2c(tmp_path: Path, segments: str) -> None:
    async with known(tmp_path) as one:
        for name in ("ann", "bob"):
            body = f'{{"userName": "{name}"}}'
            head = HEAD.replace("GET", "POST") + H2C + f"Content-Length: {len(body)}\r\n"
            if segments == "one":
                await one.send(head + "\r\n" + body)
            else:
                await one.send(head + "Expect: 100-continue\r\n\r\n")
                assert await one.may_continue()
                await one.send(body)
            status, user = await one.answer()
            assert (status, user["userName"]) == (201, name)
        await one.send(HEAD + "\r\n")
        assert (await one.answer())[1]["totalResults"] == 2


async def test_a_body_that_comes_after_the_answer_is_no_request(tmp_path: Path) -> None:
    """A stranger's, who is answered 401 before the body is there."""
    async with known(tmp_path) as one:
        smuggled = HEAD + "\r\n"
        stranger = "POST /acme/okta/scim/v2/Users HTTP/1.1\r\nHost: x\r\n"
        await one.send(stranger + H2C + f"Content-Length: {len(smuggled)}\r\n\r\n")
        assert (await one.answer())[0] == 401
        await one.send(smuggled)
        await one.send("GET /end HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await one.answer())[0] == 404


@pytest.mark.parametrize("rest", ["", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n"])
async def test_a_tunnel_is_refused_and_the_connection_closed(tmp_path: Path, rest: str) -> None:
    async with known(tmp_path) as one:
        await one.send(f"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n{rest}\r\n" + HEAD + "\r\n")
        assert (await one.answer())[0] == 400
        assert await one.ended()


def test_a_head_that_could_be_read_otherwise_is_no_head() -> None:
    """Which llhttp lets none through of: what is fed to it again depends on that."""
    for method, target, name, value in (
        (b"GET", b"/", b"A", b"b\r\nContent-Length: 5"),
        (b"GET", b"/", b"A", b"b\nc"),
        (b"GET", b"/", b"A\r", b"b"),
        (b"GET", b"/ HTTP/1.1\r\n", b"A", b"b"),
        (b"GET\n", b"/", b"A", b"b"),
        (b"GET", b"/", b"A", b"\0"),
    ):
        with pytest.raises(ValueError, match="end of a line"):
            head_without_offer(method, target, "1.1", [(name, value)])


def test_the_parser_stops_at_offers() -> None:
    """What `offers` is for: where it goes on by itself, that module can go."""
    with pytest.raises(httptools.HttpParserUpgrade):
        httptools.HttpRequestParser(object()).feed_data(b"GET / HTTP/1.1\r\n" + H2C.encode() + b"\r\n")
