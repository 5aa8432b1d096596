"""Key sets over real HTTP, from servers that misbehave."""

from collections.abc import AsyncIterator

import pytest

from scim_server.auth.key_fetch import KeyFetcher, KeysUnavailable
from tests.support.issuer import Key, KeyServer, jwks, key_server

KEY = Key.new("k", "ES256")


@pytest.fixture
async def fetcher() -> AsyncIterator[KeyFetcher]:
    fetcher = KeyFetcher()
    yield fetcher
    await fetcher.close()


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    async with key_server(KEY) as server:
        yield server


@pytest.mark.parametrize(
    ("cache_control", "max_age"),
    [
        (None, None),
        ("no-store", None),
        ("public, max-age=3600, must-revalidate", 3600),
        ("Max-Age=5", 5),
        ("s-maxage=7", None),
        ("max-age=-1", None),
    ],
)
async def test_keys_come_with_the_age_that_the_server_gives_them(
    fetcher: KeyFetcher, server: KeyServer, cache_control: str | None, max_age: int | None
) -> None:
    if cache_control is not None:
        server.headers["Cache-Control"] = cache_control
    fetched = await fetcher.fetch(server.url)
    assert fetched.keys == jwks(KEY)
    assert fetched.max_age == max_age


async def _refusal(fetcher: KeyFetcher, url: str) -> str:
    with pytest.raises(KeysUnavailable) as refused:
        await fetcher.fetch(url)
    return str(refused.value)


async def test_a_server_that_does_not_answer_in_time(server: KeyServer) -> None:
    server.gate.clear()
    impatient = KeyFetcher(timeout_seconds=0.05)
    assert await _refusal(impatient, server.url) == "no complete answer within 0.05 s"
    await impatient.close()


async def test_a_huge_answer_is_not_read_to_its_end(fetcher: KeyFetcher, server: KeyServer) -> None:
    server.body = b'{"keys": [' + b" " * (1 << 20)
    assert await _refusal(fetcher, server.url) == "the answer is larger than 262144 bytes"


async def test_a_compressed_answer_is_not_unpacked(fetcher: KeyFetcher, server: KeyServer) -> None:
    server.headers["Content-Encoding"] = "gzip"
    assert "compressed" in await _refusal(fetcher, server.url)


async def test_errors_and_nonsense(fetcher: KeyFetcher, server: KeyServer) -> None:
    server.status = 500
    assert await _refusal(fetcher, server.url) == "status 500"
    server.status, server.body = 200, b"<html>maintenance</html>"
    assert "JSON Web Key Set" in await _refusal(fetcher, server.url)
    assert "maintenance" not in await _refusal(fetcher, server.url)


async def test_a_server_that_is_not_there(fetcher: KeyFetcher, server: KeyServer) -> None:
    assert "the request failed" in await _refusal(fetcher, "http://127.0.0.1:1/keys")


async def test_redirects_stay_on_the_host(fetcher: KeyFetcher, server: KeyServer) -> None:
    async with key_server(Key.new("evil", "ES256")) as evil:
        server.status, server.headers["Location"] = 302, evil.url
        assert "another host" in await _refusal(fetcher, server.url)
        assert evil.requests == 0
    server.headers["Location"] = "/elsewhere"
    assert "redirects too often" in await _refusal(fetcher, server.url)
    assert server.requests == 1 + 4
    del server.headers["Location"]
    assert "redirects too often" in await _refusal(fetcher, server.url)
