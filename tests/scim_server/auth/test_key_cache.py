"""When key sets are fetched, and what holds while they can't be."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from scim_server.auth.key_cache import (
    DEFAULT_AGE,
    LONGEST_AGE,
    RETRY_AFTER,
    SHORTEST_AGE,
    KeyCache,
)
from scim_server.auth.key_fetch import FetchedKeys, KeysUnavailable
from scim_server.config import SigningAlgorithm
from tests.support.issuer import Key, jwks

URL = "https://idp.example/keys"
OLD, NEW = Key.new("old", "ES256"), Key.new("new", "ES256")
ES256 = SigningAlgorithm.ES256


@dataclass
class Issuer:
    """Hands out keys, or nothing while it is away; waits while `gate` is cleared."""

    keys: list[Key] = field(default_factory=lambda: [OLD])
    max_age: int | None = 600
    away: bool = False
    fetches: int = 0
    now: float = 1000.0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self.cache = KeyCache(self.fetch, lambda: self.now)

    async def fetch(self, url: str) -> FetchedKeys:
        assert url == URL
        self.fetches += 1
        await self.gate.wait()
        if self.away:
            raise KeysUnavailable("away")
        return FetchedKeys(jwks(*self.keys), self.max_age)

    async def knows(self, key: Key) -> bool:
        return bool((await self.cache.keys(URL, ES256, key.kid)).find(ES256, key.kid))


async def test_a_set_is_fetched_once_for_its_age() -> None:
    issuer = Issuer()
    assert await issuer.knows(OLD)
    issuer.now += 599
    assert await issuer.knows(OLD)
    assert issuer.fetches == 1


async def test_many_requests_wait_for_one_fetch() -> None:
    issuer = Issuer()
    issuer.gate.clear()
    waiting = [asyncio.create_task(issuer.knows(OLD)) for _ in range(50)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert await asyncio.gather(*waiting) == [True] * 50
    assert issuer.fetches == 1


async def test_only_so_many_wait_for_an_issuer_that_hangs() -> None:
    issuer = Issuer()
    issuer.gate.clear()
    asked = [asyncio.create_task(issuer.knows(OLD)) for _ in range(150)]
    done, waiting = await asyncio.wait(asked, timeout=0.05)
    assert len(waiting) == 100
    assert not any(task.result() for task in done)
    issuer.gate.set()
    assert all(await asyncio.gather(*waiting))


async def test_a_request_that_is_given_up_leaves_the_fetch_to_the_others() -> None:
    issuer = Issuer()
    issuer.gate.clear()
    given_up, waiting = (asyncio.create_task(issuer.knows(OLD)) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.sleep(0)
    issuer.gate.set()
    assert await waiting
    assert issuer.fetches == 1


async def test_an_unknown_key_id_fetches_at_once_but_not_often() -> None:
    issuer = Issuer()
    assert await issuer.knows(OLD)
    issuer.now += RETRY_AFTER
    issuer.keys = [OLD, NEW]
    assert await issuer.knows(NEW)
    for made_up in range(20):
        assert not await issuer.knows(Key("made-up-" + str(made_up), "ES256", OLD.private))
    assert issuer.fetches == 2
    issuer.now += RETRY_AFTER
    assert not await issuer.knows(Key("another", "ES256", OLD.private))
    assert issuer.fetches == 3


async def test_a_withdrawn_key_is_refused_once_the_set_has_aged() -> None:
    issuer = Issuer()
    assert await issuer.knows(OLD)
    issuer.keys = [NEW]
    issuer.now += 600 + 601
    assert not await issuer.knows(OLD)
    assert await issuer.knows(NEW)


async def test_nobody_waits_while_a_set_that_is_a_little_old_is_replaced() -> None:
    issuer = Issuer()
    assert await issuer.knows(OLD)
    issuer.now += 601
    issuer.gate.clear()
    issuer.keys = [NEW]
    assert await issuer.knows(OLD)
    issuer.gate.set()
    assert await issuer.knows(NEW)
    assert not await issuer.knows(OLD)
    assert issuer.fetches == 2


async def test_the_last_good_set_serves_while_the_issuer_is_away_and_not_for_ever() -> None:
    issuer = Issuer()
    assert await issuer.knows(OLD)
    issuer.away = True
    for _ in range(10):
        issuer.now += 2 * 3600
        assert await issuer.knows(OLD)
    issuer.now += 5 * 3600
    assert not await issuer.knows(OLD)
    issuer.away = False
    issuer.now += RETRY_AFTER
    assert await issuer.knows(OLD)


async def test_an_issuer_that_was_never_there_is_asked_again_only_after_a_while() -> None:
    issuer = Issuer(away=True)
    for _ in range(10):
        assert not await issuer.knows(OLD)
    assert issuer.fetches == 1
    issuer.away = False
    issuer.now += RETRY_AFTER
    assert await issuer.knows(OLD)


@given(st.none() | st.integers(0, 10**9))
async def test_the_age_that_an_issuer_asks_for_is_kept_within_bounds(max_age: int | None) -> None:
    issuer = Issuer(max_age=max_age)
    assert await issuer.knows(OLD)
    asked = DEFAULT_AGE if max_age is None else max_age
    issuer.now += min(max(asked, SHORTEST_AGE), LONGEST_AGE) - 1
    assert await issuer.knows(OLD)
    assert issuer.fetches == 1
    issuer.now += 602
    assert await issuer.knows(OLD)
    assert issuer.fetches == 2


async def test_sets_that_no_configuration_names_are_forgotten() -> None:
    issuer = Issuer()
    assert await issuer.knows(OLD)
    issuer.cache.retain({URL})
    assert await issuer.knows(OLD)
    assert issuer.fetches == 1
    issuer.cache.retain({"https://other.example/keys"})
    assert await issuer.knows(OLD)
    assert issuer.fetches == 2


async def test_a_configuration_that_drops_an_issuer_ends_the_wait_for_it() -> None:
    issuer = Issuer()
    issuer.gate.clear()
    waiting = asyncio.create_task(issuer.knows(OLD))
    await asyncio.sleep(0)
    issuer.cache.retain(())
    assert not await asyncio.wait_for(waiting, 5)


async def test_closing_ends_what_is_under_way() -> None:
    issuer = Issuer()
    issuer.gate.clear()
    waiting = asyncio.create_task(issuer.knows(OLD))
    await asyncio.sleep(0)
    await issuer.cache.close()
    assert not await asyncio.wait_for(waiting, 5)
