"""A tenant whose credentials ask for as much as they can, and another tenant's client that asks for little.

Prints the other's longest wait and the most memory that the process had. Both databases.
"""

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from scim_server.config import ConfigBundle
from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of, client_of

MOST_MEMORY = 2560 << 20
"""Bytes: what docs/reference/limits.md says."""
LONGEST_WAIT = 1.0
SECONDS = 30
HOSTILE, OTHER = Connection("evil/corp"), Connection("held/idp")
CLIENTS = 60

Attack = Callable[[httpx.AsyncClient, httpx.AsyncClient], Awaitable[None]]
"""With a client of access Provision and one of access Read."""


@pytest.fixture
def bundle() -> ConfigBundle:
    return bundle_of(HOSTILE, OTHER)


@pytest.fixture
def server(tmp_path: Path, database_url: str, bundle: ConfigBundle) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, database_url, bundle)
    process.start()
    yield process
    process.kill()


async def costly_filters(provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    text = " or ".join(f'emails.value co "nobody{number}"' for number in range(30))
    await read.get("/Users", params={"filter": text})


async def large_pages(provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    await read.get("/Users", params={"count": 1000, "filter": "photos pr"})


async def large_pages_of_ids(provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    await read.get("/Users", params={"count": 1000, "attributes": "id", "sortBy": "title"})


async def large_users(provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    body = {"userName": f"{time.monotonic_ns()}", "photos": [{"value": "y" * 60_000} for _ in range(17)]}
    made = await provision.post("/Users", json=body)
    if made.status_code == 201:
        await provision.delete(f"/Users/{made.json()['id']}")


async def unread_pages(provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    async with read.stream("GET", "/Users", params={"count": 1000}):
        await asyncio.sleep(5)


def _of_nothing(size: int) -> bytes:
    """Operations that are none, with data that is 20 times larger in memory: kept until each has its answer."""
    nothing = b"[" + b"[]," * (size // 3) + b"[]]"
    return b'{"Operations":[{"method":"POST","path":"/Users","data":{"userName":"","x":' + nothing + b"}}]}"


async def bodies_of_nothing(provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    await provision.post("/Bulk", content=_of_nothing(60_000), headers={"Content-Type": "application/json"})


async def large_bodies_of_nothing(provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    await provision.post("/Bulk", content=_of_nothing(4_000_000), headers={"Content-Type": "application/json"})


ATTACKS: tuple[Attack, ...] = (
    bodies_of_nothing,
    large_bodies_of_nothing,
    costly_filters,
    large_pages,
    large_pages_of_ids,
    large_users,
    unread_pages,
)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_others_are_answered_and_memory_is_bounded(server: ServerProcess, attack: Attack) -> None:
    async with client_of(server.url, HOSTILE) as provision, client_of(server.url, OTHER) as other:
        await fill(provision)
        alone = await longest_wait(other, seconds=5)
        # In a process of their own, so that what they have to do doesn't count as waiting.
        attackers = multiprocessing.get_context("spawn").Process(target=run, args=(attack, server.url), daemon=True)
        attackers.start()
        try:
            wait = await longest_wait(other, SECONDS)
        finally:
            attackers.kill()
            attackers.join()
    most = memory(server.pid, "VmHWM")
    mapped = memory(server.pid, "RssFile")
    print(
        f"\n{attack.__name__}: longest wait {wait:.2f} s (alone {alone:.2f} s), at most {most >> 20} MiB,"
        f" of files {mapped >> 20} MiB at the end"
    )
    assert wait < LONGEST_WAIT + 5 * alone
    assert most < MOST_MEMORY


def run(attack: Attack, url: str) -> None:
    async def attack_together() -> None:
        async with client_of(url, HOSTILE) as provision, client_of(url, HOSTILE, "read") as read:
            await asyncio.gather(*(again_and_again(attack, provision, read) for _ in range(CLIENTS)))

    asyncio.run(attack_together())


async def fill(provision: httpx.AsyncClient) -> None:
    """Users of nearly 1 MiB each, users with many addresses, and groups that all of them are in."""
    ids = []
    for number in range(40):
        photos = [{"value": f"{number}-{photo}" + "x" * 60_000} for photo in range(16)]
        body = {"userName": f"large{number}", "title": f"{-number}", "photos": photos}
        ids.append((await provision.post("/Users", json=body)).json()["id"])
    for number in range(100):
        emails = [{"value": f"{number}-{address}@acme.com"} for address in range(1000)]
        body = {"userName": f"many{number}", "emails": emails}
        ids.append((await provision.post("/Users", json=body)).json()["id"])
    for number in range(200):
        members = [{"value": each} for each in ids]
        await provision.post("/Groups", json={"displayName": f"g{number}", "members": members})


async def again_and_again(attack: Attack, provision: httpx.AsyncClient, read: httpx.AsyncClient) -> None:
    while True:
        with contextlib.suppress(httpx.HTTPError):
            await attack(provision, read)


async def longest_wait(client: httpx.AsyncClient, seconds: float) -> float:
    """Of a client that asks for one user all the time."""
    longest, ends = 0.0, time.monotonic() + seconds
    while (began := time.monotonic()) < ends:
        assert (await client.get("/Users", params={"count": 1})).status_code == 200
        longest = max(longest, time.monotonic() - began)
    return longest


def memory(pid: int, name: str) -> int:
    """Bytes."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith(f"{name}:"))
    return int(line.split()[1]) << 10
