"""Clients that send next to nothing, for as long as they please: they keep nobody else from being answered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of, client_of

_EACH = 100
"""Clients of each kind: 500 in all."""
_SLOW, _OTHER = Connection(key="acme/slow"), Connection(key="acme/other")
_HOUR = "3600"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """It doesn't give slow clients up while the test runs."""
    patience = dict.fromkeys(("SCIM_HEAD_TIMEOUT", "SCIM_BODY_TIMEOUT"), _HOUR)
    process = ServerProcess(tmp_path, f"sqlite:///{tmp_path}/scim.db", bundle_of(_SLOW, _OTHER), patience)
    process.start()
    yield process
    process.kill()


def _head(request: str, *fields: str) -> str:
    return "\r\n".join((f"{request} HTTP/1.1", "Host: x", *fields, ""))


_CREDENTIAL = f"Authorization: Bearer {_SLOW.token('provision')}"
_LONG, _FORM = "Content-Length: 5000", "Content-Type: application/x-www-form-urlencoded"
_SENT = {
    "nothing at all": "",
    "half a head": _head(f"GET {_SLOW.path}/Users", "X-Half: a"),
    "half a body": _head(f"POST {_SLOW.path}/Users", _CREDENTIAL, _LONG) + "\r\n{",
    "half a body, from strangers": _head("POST /acme/slow/oauth/token", _FORM, _LONG) + "\r\na",
    "nothing after an answer": _head(f"GET {_SLOW.path}/Users", _CREDENTIAL) + "\r\n",
}


@asynccontextmanager
async def _slow_client(server: ServerProcess, sent: str) -> AsyncIterator[None]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent.encode())
    await writer.drain()
    yield
    writer.close()


async def test_others_are_answered_while_500_slow_clients_hang(server: ServerProcess) -> None:
    async with AsyncExitStack() as stack:
        for sent in _SENT.values():
            for _ in range(_EACH):
                await stack.enter_async_context(_slow_client(server, sent))
        known = await stack.enter_async_context(client_of(server.url, _OTHER))
        for number in range(20):
            assert (await known.post("/Users", json={"userName": f"user{number}"})).status_code == 201
            async with client_of(server.url, _OTHER) as new:
                assert (await new.get("/Users", params={"count": 1})).json()["totalResults"] == number + 1
        async with client_of(server.url, _SLOW) as of_the_same_tenant:
            assert (await of_the_same_tenant.get("/Users")).status_code == 200
