"""One attempt, at receivers of every kind."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.config import Webhook, WebhookFormat
from scim_server.webhooks.sender import Answer, Sender
from scim_server.webhooks.signing import Signer
from tests.support import receivers
from tests.support.processes import free_port
from tests.support.receivers import KEY, Receiver, receiving, status

BODY = b'{"type":"user.created","timestamp":"2026-11-28T12:00:00Z","data":{}}'


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as started:
        yield started


async def send(url: str, *, times: int = 1, allow_loopback: bool = True, seconds: float = 10.0) -> Answer:
    sender = Sender(
        Webhook.model_construct(name="crm", url=url, format=WebhookFormat.STANDARD_WEBHOOKS),
        allow_loopback=allow_loopback,
        answer_seconds=seconds,
    )
    try:
        for _ in range(times):
            now = datetime.now(UTC)
            answer = await sender.send(BODY, Signer([KEY]).headers("event-1", BODY, now), now)
        return answer
    finally:
        await sender.close()


async def test_what_a_receiver_gets(receiver: Receiver) -> None:
    answer = await send(receiver.url, times=3)
    assert answer == Answer(204)
    assert [one.id for one in receiver.taken] == ["event-1"] * 3
    assert all(one.verified() for one in receiver.taken)
    assert receiver.taken[0].headers["Content-Type"] == "application/json"
    assert receiver.taken[0].headers["User-Agent"].startswith("scim-operator/")
    assert len(receiver.connections) == 1  # kept for the next one


async def test_statuses(receiver: Receiver) -> None:
    """provisioning.md, "Events for applications": "`Retry-After` obeyed, 410 disables"; redirects aren't followed."""
    receiver.answer = status(503, Retry_After="120")
    assert await send(receiver.url) == Answer(503, "status 503", timedelta(seconds=120))
    receiver.answer = status(410)
    assert (await send(receiver.url)).gone
    receiver.answer = status(307, Location=receiver.url)
    assert (await send(receiver.url)).error == "redirects are not followed"
    assert len(receiver.attempts) == 3
    assert receiver.taken == []


async def test_a_receiver_that_hangs_costs_its_time_alone(receiver: Receiver) -> None:
    receiver.answer = receivers.hang
    answer = await send(receiver.url, seconds=0.3)
    assert answer.error == "no answer within 0.3 s"
    receiver.answer = receivers.close
    assert (await send(receiver.url)).error == "the connection was closed before an answer"


async def test_a_body_without_end_is_cut_off(receiver: Receiver) -> None:
    """The status counts, the rest isn't read."""
    receiver.answer = receivers.endless
    assert await send(receiver.url, times=2) == Answer(200)
    assert len(receiver.connections) == 2


async def test_addresses_are_checked_when_a_connection_is_made(receiver: Receiver) -> None:
    """Also those that a name resolves to: it is checked what is connected to, not what the URL says."""
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        answer = await send(receiver.url.replace("127.0.0.1", host), allow_loopback=False)
        assert answer.error is not None
        assert not answer.connected
        assert "this machine itself" in answer.error, host
    for host in ("2130706433", "127.1", "0x7f000001"):  # which the C library takes for 127.0.0.1
        assert not (await send(receiver.url.replace("127.0.0.1", host), allow_loopback=False)).connected
    for url in ("http://169.254.169.254/latest", "http://[fd00:ec2::254]/latest", "http://0.0.0.0/"):
        answer = await send(url)
        assert answer.error is not None
        assert "is refused" in answer.error, url
    assert receiver.attempts == []


async def test_plain_http_is_for_private_networks() -> None:
    answer = await send("http://8.8.8.8/hook")
    assert answer.error == "the address 8.8.8.8 is refused: https is expected outside of private networks"


async def test_errors_in_words_that_hold_no_part_of_the_url() -> None:
    for url, words in (
        (f"http://127.0.0.1:{free_port()}/s3cret", "the connection was refused"),
        ("http://no-such-host.invalid/s3cret", "the host's name could not be resolved"),
    ):
        answer = await send(url)
        assert answer.error == words
        assert not answer.connected


async def test_a_receiver_without_a_certificate_gets_nothing(receiver: Receiver) -> None:
    answer = await send(receiver.url.replace("http:", "https:"))
    assert answer.error == "the TLS handshake failed"
    assert receiver.attempts == []


async def test_a_connection_that_nobody_accepts_ends() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        async with asyncio.timeout(30):
            answer = await send(f"http://127.0.0.1:{listening.getsockname()[1]}/", seconds=0.3)
    assert answer.error == "no answer within 0.3 s"
