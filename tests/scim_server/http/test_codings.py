"""Compressed bodies (RFC 9110 §8.4)."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest

from scim_server.http.bodies import LARGE
from tests.scim_server.http.test_errors import assert_scim_error
from tests.scim_server.http.test_large_bodies import serving, user
from tests.scim_server.http.test_protection import provider as provider_of

pytestmark = pytest.mark.databases("sqlite")  # nothing here depends on what is stored

JSON = {"Content-Type": "application/scim+json"}
GOOD = gzip.compress(b'{"userName": "ada"}', mtime=0)


def bare_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


CODED = [
    ("gzip", gzip.compress),
    ("GZIP", gzip.compress),
    ("x-gzip", gzip.compress),
    ("identity, gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", bare_deflate),
    ("identity", bytes),
    ("", bytes),
]


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize(("coding", "compress"), CODED)
async def test_every_method_reads_them(provider: httpx.AsyncClient, coding: str, compress: type[bytes]) -> None:
    headers = JSON | {"Content-Encoding": coding}

    def body(document: object) -> bytes:
        return compress(orjson.dumps(document))

    created = await provider.post("/Users", content=body({"userName": "ada"}), headers=headers)
    assert created.status_code == 201, created.text
    path = f"/Users/{created.json()['id']}"
    put = await provider.put(path, content=body({"userName": "ada", "title": "Countess"}), headers=headers)
    assert put.json()["title"] == "Countess"
    operations = [{"op": "replace", "path": "active", "value": False}]
    patched = await provider.patch(path, content=in_pieces(body({"Operations": operations}), 1), headers=headers)
    assert patched.json()["active"] is False
    search = await provider.post("/Users/.search", content=body({"filter": 'userName eq "ada"'}), headers=headers)
    assert search.json()["totalResults"] == 1
    deleted = {"method": "DELETE", "path": path}
    bulk = await provider.post("/Bulk", content=body({"Operations": [deleted]}), headers=headers)
    assert bulk.json()["Operations"][0]["status"] == "204"


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "nothing"])
async def test_an_unknown_coding_names_those_that_are_known(provider: httpx.AsyncClient, coding: str) -> None:
    answer = await provider.post("/Users", content=b"x", headers=JSON | {"Content-Encoding": coding})
    assert_scim_error(answer, 415)
    assert answer.headers["accept-encoding"] == "gzip, deflate"
    assert coding in answer.json()["detail"]


async def test_another_type_is_no_matter_of_codings(provider: httpx.AsyncClient) -> None:
    """RFC 9110 §12.5.3: the header would say that the coding was what is wrong."""
    answer = await provider.post("/Users", content=b"x", headers={"Content-Type": "text/xml"})
    assert_scim_error(answer, 415)
    assert "accept-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"userName": "ada"}', "isn't gzip"),
        (GOOD[:-1], "ends within"),
        (GOOD[:-12], "ends within"),
        (GOOD + b"x", "goes on"),
        (GOOD + GOOD, "goes on"),
        (GOOD[:10] + b"\xff" * 20, "isn't gzip"),
        (b"", "it is empty"),
        (gzip.compress(b"", mtime=0), "it is empty"),
        (gzip.compress(b"\xff", mtime=0), "it isn't UTF-8"),
    ],
)
async def test_what_is_broken_is_said(provider: httpx.AsyncClient, body: bytes, reason: str) -> None:
    answer = await provider.post("/Users", content=body, headers=JSON | {"Content-Encoding": "gzip"})
    assert reason in assert_scim_error(answer, 400, "invalidSyntax")


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, bare_deflate])
async def test_bodies_of_all_sizes(tmp_path: Path, compress: type[bytes]) -> None:
    headers = JSON | {"Content-Encoding": "gzip" if compress is gzip.compress else "deflate"}
    async with serving(tmp_path) as server, provider_of(server) as one:
        for size in (LARGE - 1, LARGE, LARGE + 1, (256 << 10), 5 * LARGE):
            answer = await one.post("/Users", content=compress(user(f"u{size}", size)), headers=headers)
            assert answer.status_code == 201, answer.text
            assert answer.json()["userName"] == f"u{size}"


async def test_the_unpacked_size_counts(tmp_path: Path) -> None:
    """Of some kilobytes, that unpack to more than there is room for."""
    headers = JSON | {"Content-Encoding": "gzip"}
    async with serving(tmp_path, large_bodies=8 * LARGE) as server, provider_of(server) as one:
        for number in range(3):  # the room is given back
            content = gzip.compress(user(f"u{number}", 3 * LARGE))
            assert len(content) < LARGE // 8
            assert (await one.post("/Users", content=content, headers=headers)).status_code == 201
        refused = await one.post("/Users", content=gzip.compress(user("x", 5 * LARGE)), headers=headers)
        assert_scim_error(refused, 503)
        assert (await one.get("/Users")).json()["totalResults"] == 3


async def test_a_bomb_is_unpacked_no_further_than_the_limit(tmp_path: Path) -> None:
    bomb = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    content = b"".join([bomb.compress(b" " * (1 << 20)) for _ in range(256)]) + bomb.flush()
    assert len(content) < 1 << 19  # of a quarter of a gigabyte
    headers = JSON | {"Content-Encoding": "gzip"}
    async with serving(tmp_path) as server, provider_of(server) as one:
        tracemalloc.start()
        try:
            answer = await one.post("/Users", content=content, headers=headers)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert_scim_error(answer, 413)
        assert peak < 128 << 20
        endless = bomb_without_end()
        assert_scim_error(await one.post("/Users", content=endless, headers=headers), 413)


async def bomb_without_end() -> AsyncIterator[bytes]:
    """Stored blocks without a byte in them: it never unpacks to anything."""
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
    for _ in range(40):
        yield b"\x00\x00\x00\xff\xff" * (200 << 10)


async def test_others_are_answered_meanwhile(tmp_path: Path) -> None:
    content = gzip.compress(user("large", 30 << 20))
    headers = JSON | {"Content-Encoding": "gzip"}
    async with serving(tmp_path) as server, provider_of(server) as one:
        large = asyncio.create_task(one.post("/Users", content=content, headers=headers))
        answered = 0
        while not large.done():
            assert (await one.get("/ServiceProviderConfig")).status_code == 200
            answered += 1
        assert (await large).status_code == 201
        assert answered > 3
