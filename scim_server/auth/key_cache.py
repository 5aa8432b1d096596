"""Key sets by URL: fetched when needed, kept while they are good, kept longer while their issuer is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from scim_server.auth.key_fetch import FetchedKeys, KeysUnavailable
from scim_server.auth.verification_keys import VerificationKeys
from scim_server.config import SigningAlgorithm

_log = logging.getLogger(__name__)

DEFAULT_AGE = 3600
"""Seconds that a set is good for when its issuer doesn't say."""
SHORTEST_AGE = 300
LONGEST_AGE = 24 * 3600
"""A key that the issuer withdrew is accepted for at most this long."""
RETRY_AFTER = 10.0
"""Seconds between two attempts for one URL: tokens with made-up key ids can't cause more."""
_WHILE_REFRESHING = 600.0
"""Seconds past its age that a set is used without waiting for the new one."""
_MOST_WAITING = 100
"""Requests that wait for one URL at once: they aren't authenticated yet. Others go by the keys that are known."""
_WHILE_AWAY = 24 * 3600.0
"""Seconds past its age that the last good set is used when no new one can be had."""


@dataclass(slots=True)
class _Entry:
    keys: VerificationKeys = field(default_factory=VerificationKeys)
    good_until: float = float("-inf")
    attempted: float = float("-inf")
    attempt: asyncio.Task[None] | None = None
    waiting: int = 0


class KeyCache:
    """One attempt at a time for each URL, however many requests wait for it."""

    def __init__(
        self, fetch: Callable[[str], Awaitable[FetchedKeys]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    async def keys(self, url: str, algorithm: SigningAlgorithm, kid: str | None) -> VerificationKeys:
        """The set at `url`, refreshed first when it is too old or lacks a key for `algorithm` and `kid`.

        Empty when there is none and none can be had. Raises nothing.
        """
        entry = self._entries.setdefault(url, _Entry())
        now = self._clock()
        known = bool(entry.keys.find(algorithm, kid))
        if known and now < entry.good_until:
            return entry.keys
        if entry.attempt is None and now - entry.attempted >= RETRY_AFTER:
            entry.attempted = now
            entry.attempt = asyncio.create_task(self._refresh(url, entry))
        if (
            entry.attempt is not None
            and not (known and now < entry.good_until + _WHILE_REFRESHING)
            and entry.waiting < _MOST_WAITING
        ):
            entry.waiting += 1
            try:
                # Not awaited itself: neither must end the other when it is cancelled.
                await asyncio.wait((entry.attempt,))
            finally:
                entry.waiting -= 1
        if self._clock() >= entry.good_until + _WHILE_AWAY:
            entry.keys = VerificationKeys()
        return entry.keys

    def retain(self, urls: Collection[str]) -> None:
        """Forget the sets of all other URLs."""
        for url in self._entries.keys() - set(urls):
            if (attempt := self._entries.pop(url).attempt) is not None:
                attempt.cancel()

    async def close(self) -> None:
        attempts = [entry.attempt for entry in self._entries.values() if entry.attempt is not None]
        self.retain(())
        await asyncio.gather(*attempts, return_exceptions=True)

    async def _refresh(self, url: str, entry: _Entry) -> None:
        try:
            fetched = await self._fetch(url)
        except KeysUnavailable as unavailable:
            _log.warning("no keys from %s: %s", url.partition("?")[0], unavailable)  # a query may hold a secret
        else:
            entry.keys = VerificationKeys(fetched.keys)
            age = DEFAULT_AGE if fetched.max_age is None else fetched.max_age
            entry.good_until = self._clock() + min(max(age, SHORTEST_AGE), LONGEST_AGE)
        finally:
            entry.attempt = None
