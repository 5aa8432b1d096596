"""Fetching a key set over HTTP, from a server that may be slow, broken or hostile."""

import asyncio
import re
from dataclasses import dataclass

import aiohttp
from yarl import URL

from scim_server.config import PublicJwk, parse_key_set

_TIMEOUT_SECONDS = 5.0
"""For everything, redirects included: requests wait for it."""
_LARGEST_KEY_SET = 256 << 10
"""Bytes. With certificates in it, a large issuer's set has about 20 KiB."""
_MOST_REDIRECTS = 3
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}


class KeysUnavailable(Exception):
    """The key set could not be had. The message says why; it repeats nothing that was received."""


@dataclass(frozen=True, slots=True)
class FetchedKeys:
    keys: tuple[PublicJwk, ...]
    max_age: int | None
    """Seconds, of Cache-Control; None where it says nothing."""


class KeyFetcher:
    """Fetches with one session of its own. Proxies are taken from the environment."""

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: str) -> FetchedKeys:
        """Raises `KeysUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._fetch(URL(url))
        except TimeoutError:
            raise KeysUnavailable(f"no complete answer within {self._timeout:g} s") from None
        except aiohttp.ClientError as error:
            raise KeysUnavailable(f"the request failed ({type(error).__name__})") from None
        except ValueError as error:
            raise KeysUnavailable(str(error)) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _fetch(self, url: URL) -> FetchedKeys:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                trust_env=True, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS
            )
        origin = url.origin()
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status not in (301, 302, 303, 307, 308):
                    return await _read(answer)
                location = answer.headers.get("Location", "")
                url = url.join(URL(location))
            if url.scheme != origin.scheme or url.origin() != origin:
                raise KeysUnavailable("it redirects to another host, which is not followed")
        raise KeysUnavailable("it redirects too often")


async def _read(answer: aiohttp.ClientResponse) -> FetchedKeys:
    if answer.status != 200:
        raise KeysUnavailable(f"status {answer.status}")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise KeysUnavailable("the answer is compressed, which was not asked for")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_KEY_SET:
            raise KeysUnavailable(f"the answer is larger than {_LARGEST_KEY_SET} bytes")
    found = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
    return FetchedKeys(parse_key_set(bytes(body)), int(found[1]) if found else None)
