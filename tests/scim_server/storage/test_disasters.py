"""What the guards are for: mistakes that go on at full speed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from scim_server.background.due import DueWork
from scim_server.config import Decision, HoldDecision, Safety
from scim_server.provisioning.policy import Policy
from scim_server.storage.protocol import Storage
from scim_server.storage.records import TenantCounts
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.policies import policy_of
from tests.support.storages import SetClock, open_storage

pytestmark = pytest.mark.databases("sqlite")

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
async def storage(url: str, clock: SetClock) -> AsyncIterator[Storage]:
    opened = open_storage(url, clock)
    await opened.open()
    yield opened
    await opened.close()


def _policy(*decisions: HoldDecision) -> Policy:
    granting = rules((named("Staff"), ["staff"])).rules
    return policy_of(granting, ["viewer"], (), timedelta(minutes=15), safety=Safety(decisions=decisions))


async def _counts(steps: Steps) -> TenantCounts:
    return await steps.storage.read(steps.tenant, lambda reader: reader.counts())


async def _set_all(steps: Steps, users: list[str], *, active: bool) -> None:
    """As a provider does it: many requests at once."""
    for start in range(0, len(users), 100):
        await asyncio.gather(*(steps.update_user(user, active=active) for user in users[start : start + 100]))


async def test_an_empty_upstream(steps: Steps, clock: SetClock) -> None:
    """provisioning.md, "Guards": an empty upstream makes the provider deactivate 2,000 of 5,000 users.

    Effects stop at the limit, the hold is visible, it empties as the provider takes its change back, and the rest is
    applied by decision. How a hold is discarded is held by test_guards.py."""
    await steps.put_rules(_policy(), 1)
    users = await steps.add_users(*(f"u{number}" for number in range(5000)))
    clock.now += timedelta(hours=2)
    await _set_all(steps, users[:2000], active=False)
    assert (await _counts(steps)).active == 4500
    (found,) = await steps.storage.read(steps.tenant, lambda reader: reader.holds())
    assert (found.hold.users, len(found.examples)) == (1500, 10)

    await _set_all(steps, users[1000:2000], active=True)
    (left,) = await steps.storage.read(steps.tenant, lambda reader: reader.holds())
    assert (left.hold.id, left.hold.users) == (found.hold.id, 500)
    await steps.put_rules(_policy(HoldDecision(hold=found.hold.id, decision=Decision.APPLY)), 2)
    await DueWork(steps.storage, clock).do()
    assert (await _counts(steps)).active == 4000
    assert await steps.storage.read(steps.tenant, lambda reader: reader.holds()) == []
    events = await steps.storage.read(steps.tenant, lambda reader: reader.events_after(0, 100_000))
    held = [orjson.loads(event.payload)["hold"]["id"] for event in events if event.type == "provisioning.held"]
    assert held == [found.hold.id]
    assert len([event for event in events if event.type == "user.blocked"]) == 1000
    assert [await steps.roles(user) for user in (users[0], users[1500])] == [set(), {"viewer"}]
